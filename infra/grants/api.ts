// Grants calls of the API. Called by token-broker.ts.
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { stageName } from '../api/stage.ts';
import { checkElsewhere } from './elsewhere.ts';
import { checkNamed, namesItsStack } from './other-stack.ts';

/** Conditions of a statement, by operator and key. */
type Conditions = Record<string, Record<string, string>>;

/** What a caller may `POST`. */
export interface PathRight {
  /** The paths. Each starts with a slash. */
  readonly paths: readonly string[];
  /** @default none */
  readonly conditions?: Conditions | undefined;
}

/** The API, whether it is private, and the ARN of the grantee. */
export interface ApiRight extends PathRight {
  readonly api: RestApi;
  readonly isPrivate: boolean;
  readonly arn: string;
}

const privateAdvice =
  "grant the right here to new ArnPrincipal(<ARN of its role>), and in its stack with a broker of TokenBroker.fromAttributes. Or use direct invocation: grantInvoke, or connect with { via: 'invoke' }";

/**
 * Grants the right.
 *
 * @throws Error if the stacks cannot refer to each other, or if the CDK would give the right to another user
 */
export function grantApi(broker: Construct, grantee: IGrantable, right: ApiRight): Grant {
  const { api, isPrivate, arn, paths, conditions } = right;
  checkElsewhere(broker, grantee, { arn, needs: `execute-api:Invoke on POST ${paths.join(' and POST ')}` });
  if (isPrivate) {
    checkNamed(broker, grantee, { arn, advice: privateAdvice });
  }
  const options = {
    grantee,
    actions: ['execute-api:Invoke'],
    resourceArns: paths.map((path) => api.arnForExecuteApi('POST', path, stageName)),
    resource: api,
    resourceSelfArns: paths.map((path) => `execute-api:/${stageName}/POST${path}`),
    ...(conditions && { conditions }),
  };
  if (namesItsStack(broker, grantee, arn)) {
    return Grant.addToPrincipal(options);
  }
  const grant = isPrivate ? Grant.addToPrincipalAndResource(options) : Grant.addToPrincipalOrResource(options);
  return conditions === undefined ? grant : withConditions(grant, conditions);
}

/** Older versions of aws-cdk-lib leave the conditions out of the policy of the API, where an Allow is enough by itself. */
function withConditions(grant: Grant, conditions: Conditions): Grant {
  for (const statement of [...grant.principalStatements, ...grant.resourceStatements]) {
    statement.addConditions(conditions);
  }
  return grant;
}
