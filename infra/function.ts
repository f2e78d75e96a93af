import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type IAlias,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { aliases } from '../lambda/config.ts';

/** What `npm run build` makes. */
const bundle = fileURLToPath(new URL('../dist/lambda', import.meta.url));

/** What the function is made of; the defaults are the construct's. */
export interface BrokerFunctionProps {
  readonly role: Role;
  readonly environment: Readonly<Record<string, string>>;
  /** Ids of all accounts: one alias each. */
  readonly accounts: readonly string[];
  readonly memorySize: number;
  readonly logRetention: RetentionDays;
  /**
   * The bundle, with `index.handler`.
   *
   * @default - the folder `dist/lambda`, made by `npm run build`
   */
  readonly code?: Code | undefined;
  /**
   * Warm environments kept for the API's alias.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number | undefined;
  /**
   * The most environments at once, taken from the AWS account's own limit.
   *
   * @default - no limit of its own
   */
  readonly reservedConcurrency?: number | undefined;
}

/** The function and every door into it. Nothing may call the function but through an alias. */
export class BrokerFunction extends Construct {
  readonly function: LambdaFunction;
  /** For API Gateway alone. */
  readonly http: IAlias;
  /** For the schedule and the events. */
  readonly warmup: IAlias;
  /** For operators. */
  readonly admin: IAlias;
  /** For direct callers: account to alias. */
  readonly accounts: ReadonlyMap<string, IAlias>;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    acknowledgeFunction(this);
    this.function = this.createFunction(props);
    this.http = this.createAlias(aliases.http, props.provisionedConcurrency);
    this.warmup = this.createAlias(aliases.warmup);
    this.admin = this.createAlias(aliases.admin);
    this.accounts = new Map(
      props.accounts.map((account) => [account, this.createAlias(`${aliases.accountPrefix}${account}`)]),
    );
  }

  private createFunction(props: BrokerFunctionProps): LambdaFunction {
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    logGroup.grantWrite(props.role);
    const fn = new LambdaFunction(this, 'Resource', {
      description: 'Turns Fegora credentials into short-lived access tokens',
      code: props.code ?? Code.fromAsset(bundle),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: Duration.seconds(25),
      role: props.role,
      environment: { ...props.environment },
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    return fn;
  }

  /**
   * An asynchronous call is tried once: a second try could be a second login, and the next warm-up is 4 minutes away.
   * Said on every alias, since the function's own setting covers `$LATEST` alone.
   */
  private createAlias(aliasName: string, provisionedConcurrency?: number): IAlias {
    const alias = this.function.addAlias(aliasName, {
      retryAttempts: 0,
      maxEventAge: Duration.seconds(60),
      ...(provisionedConcurrency !== undefined && { provisionedConcurrentExecutions: provisionedConcurrency }),
    });
    // The CDK's own classes do not fit its own interfaces under exactOptionalPropertyTypes.
    return alias as IAlias;
  }
}

/** The function's role, made before what it may read. AWS's managed policy would let it write every log group. */
export function createRole(scope: Construct): Role {
  return new Role(scope, 'Role', {
    description: 'The Fegora token broker: the only reader of its secrets and its table',
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
}

function acknowledgeFunction(fn: BrokerFunction): void {
  const noDestination = 'The next warm-up repeats a failed one; a kept event would only be a login at the wrong time.';
  Validations.of(fn).acknowledge(
    { id: 'Serverless-LambdaAsyncFailureDestination', reason: noDestination },
    { id: 'Serverless-LambdaDLQ', reason: noDestination },
    {
      id: 'Serverless-LambdaTracing',
      reason:
        'X-Ray would keep thrown errors outside our log group and needs a grant on *; the audit record has the request id.',
    },
  );
}
