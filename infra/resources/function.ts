// Creates the Lambda function, its log group and its aliases. Called by token-broker.ts.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import {
  type AliasOptions,
  Architecture,
  type Code,
  type IAlias,
  Function as LambdaFunction,
  LoggingFormat,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { aliases } from '../../lambda/config.ts';
import { acknowledge } from '../acknowledge.ts';
import { bundles, codeIn } from '../bundles.ts';
import type { FunctionNetwork } from './network.ts';
import { nodeRuntime } from './runtime.ts';

/** Settings of the function. The defaults of the values without `@default` are those of `TokenBrokerProps`. */
export interface BrokerFunctionProps {
  readonly role: Role;
  /** Environment variables by name. */
  readonly environment: Readonly<Record<string, string>>;
  /** All accounts. Each account gets an alias. */
  readonly accounts: readonly {
    readonly id: string;
    /** Whether the name of its secret follows from its id, so that there can be about 100 of its kind. */
    readonly isNamed: boolean;
  }[];
  /** Megabytes. */
  readonly memorySize: number;
  /** How long the log is kept. */
  readonly logRetention: RetentionDays;
  /**
   * The bundle. Its handler is `index.handler`.
   *
   * @default - the bundle that is part of the package
   */
  readonly code?: Code | undefined;
  /**
   * Number of execution environments that Lambda keeps warm for the alias of the API.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number | undefined;
  /**
   * Maximum number of execution environments at once. Lambda takes it from the limit of the AWS account.
   *
   * @default - only the limit of the AWS account applies
   */
  readonly reservedConcurrency?: number | undefined;
  /**
   * The VPC of the function.
   *
   * @default - the function is in no VPC of yours
   */
  readonly network?: FunctionNetwork | undefined;
  /** Whether X-Ray traces the function. */
  readonly tracing: boolean;
  /**
   * What happens to the log when the stack is deleted.
   *
   * @default - CloudFormation keeps the log
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** The function and its aliases. Callers only get rights on an alias, never on the function itself. */
export class BrokerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;
  /** The alias that only API Gateway may call. */
  readonly http: IAlias;
  /** The alias for the schedule and the secret events. */
  readonly warmup: IAlias;
  /** The alias for operators. */
  readonly admin: IAlias;
  /** The aliases for direct callers, by account id. */
  readonly accounts: ReadonlyMap<string, IAlias>;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.logGroup.grantWrite(props.role);
    this.function = this.createFunction(props);
    const { provisionedConcurrency: provisionedConcurrentExecutions } = props;
    this.http = this.createAlias(aliases.http, {
      ...onlyOnce,
      ...(provisionedConcurrentExecutions !== undefined && { provisionedConcurrentExecutions }),
    });
    this.warmup = this.createAlias(aliases.warmup, onlyOnce);
    this.admin = this.createAlias(aliases.admin, onlyOnce);
    this.accounts = new Map(
      props.accounts.map(({ id: account, isNamed }) => [
        account,
        this.createAlias(`${aliases.accountPrefix}${account}`, isNamed ? {} : onlyOnce),
      ]),
    );
    acknowledgeFunction(this);
  }

  private createFunction(props: BrokerFunctionProps): LambdaFunction {
    return new LambdaFunction(this, 'Resource', {
      description: 'Turns Fegora credentials into short-lived access tokens',
      code: props.code ?? codeIn(bundles.function),
      handler: 'index.handler',
      runtime: nodeRuntime,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: Duration.seconds(25),
      role: props.role,
      environment: { ...props.environment },
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Without the two lines for each call that only say that it went well. Those of time-outs and crashes stay.
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(props.tracing && { tracing: Tracing.ACTIVE }),
      ...props.network,
    });
  }

  private createAlias(aliasName: string, options: AliasOptions): IAlias {
    const alias = this.function.addAlias(aliasName, options);
    // With exactOptionalPropertyTypes, the CDK's class Alias is not assignable to the CDK's interface IAlias.
    return alias as IAlias;
  }
}

/**
 * Lambda tries an asynchronous call only once. A second try could be a second login, and the next warm-up follows in
 * 4 minutes. The setting of the function covers only `$LATEST`, so each alias needs its own.
 *
 * It is a resource of its own, and the aliases of accounts with named secrets go without: a stack has 500 resources, and 100 accounts
 * take 400 without it. No one who wants a token calls them asynchronously, because the answer is lost. If someone does, Lambda
 * repeats a failed call after 1 and 2 minutes, as any caller may, and back-off and budget of the user hold.
 */
const onlyOnce: AliasOptions = { retryAttempts: 0, maxEventAge: Duration.seconds(60) };

function acknowledgeFunction(fn: BrokerFunction): void {
  const noDestination = 'The next warm-up repeats a failed one. A stored event would cause a login at the wrong time.';
  for (const alias of [fn.http, fn.warmup, fn.admin, ...fn.accounts.values()]) {
    acknowledge(alias, { id: 'Serverless-LambdaAsyncFailureDestination', reason: noDestination });
  }
  acknowledge(
    fn.function,
    { id: 'Serverless-LambdaDLQ', reason: noDestination },
    {
      id: 'Serverless-LambdaTracing',
      reason:
        'X-Ray would store thrown errors outside our log group and needs a right on *. The audit record has the request id.',
    },
  );
}
