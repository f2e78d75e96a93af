// Creates the role of the function, and binds its rights to the function. Called by token-broker.ts.
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/**
 * Creates the role of the function. The secrets and the table need the role, so it comes first. The role has no managed
 * policy: AWS's policy for Lambda would allow it to write to every log group.
 */
export function createRole(scope: Construct): Role {
  return new Role(scope, 'Role', {
    description: 'The Fegora token broker. Only this role may read its secrets and its table.',
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
}

/** The actions with which the function reads passwords and tokens. KMS is only called by services for them. */
const dataActions = ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'];
const indexActions = ['dynamodb:Query'];

/**
 * Denies the role passwords and tokens if the code of another function, or no function, uses it. Lambda adds the ARN of
 * the function to the keys of its role. The Deny also holds if the request has no such ARN.
 *
 * It is a policy of its own, because the function waits for the policy of its role, and cannot wait for one that names
 * it. The rights stay where they were, so an update never leaves the function without them.
 *
 * @param isIndexed whether the table has an index, which the role may query
 * @see https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
 */
export function bindToFunction(scope: Construct, role: Role, { functionArn }: IFunction, isIndexed = false): void {
  new Policy(scope, 'DataForTheFunctionAlone', {
    roles: [role],
    statements: [
      new PolicyStatement({
        sid: 'DataForTheFunctionAlone',
        effect: Effect.DENY,
        actions: [...dataActions, ...(isIndexed ? indexActions : [])],
        resources: ['*'],
        // AWS documents the ARN without a version. With one, it would still be the same function.
        conditions: { ArnNotEquals: { 'lambda:SourceFunctionArn': [functionArn, `${functionArn}:*`] } },
      }),
    ],
  });
}

/** Acknowledges that a policy of the role has a `*`. Call this after the last right of the role. */
export function acknowledgeRole(role: Role): void {
  acknowledge(role, {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'The actions for network interfaces in a VPC and for X-Ray do not support resources.',
  });
}
