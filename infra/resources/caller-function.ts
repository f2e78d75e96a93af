// Creates a function that calls a broker. Called by probe/probe.ts and requests/fegora-requests.ts.
import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  type Code,
  type IAlias,
  Function as LambdaFunction,
  LoggingFormat,
} from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { FunctionNetwork } from './network.ts';
import { nodeRuntime } from './runtime.ts';

/** The bundle, its environment, and how it is called. */
export interface CallerFunctionProps {
  readonly code: Code;
  /** @default index.handler */
  readonly handler?: string;
  readonly description?: string;
  /** @default 60 s */
  readonly timeout?: Duration | undefined;
  /** @default live */
  readonly aliases?: readonly string[];
  /** Environment variables by name. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Where failed asynchronous calls go. Otherwise, why they need no queue and no destination. */
  readonly failures: IQueue | string;
  /** Whether the runtime logs errors that the function throws. @default true */
  readonly logsErrors?: boolean;
  /** Returns the VPC of the function. @default the function is in no VPC of yours */
  readonly network?: (role: Role) => FunctionNetwork | undefined;
}

/**
 * A function that calls a broker, with aliases. A grant on an alias covers only that alias. The CDK's grant on a function
 * covers all its versions and aliases. Without other grants, the function can only write its log.
 */
export class CallerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;
  readonly role: Role;
  /** The first one. */
  readonly alias: IAlias;
  /** All of them, by name. */
  readonly aliases: ReadonlyMap<string, IAlias>;

  constructor(scope: Construct, id: string, props: CallerFunctionProps) {
    super(scope, id);
    const { code, handler = 'index.handler', description, environment = {}, logsErrors = true } = props;
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.role = role;
    this.logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    this.logGroup.grantWrite(role);
    this.function = new LambdaFunction(this, 'Resource', {
      code,
      handler,
      ...(description !== undefined && { description }),
      runtime: nodeRuntime,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: props.timeout ?? Duration.seconds(60),
      role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      ...(!logsErrors && { applicationLogLevelV2: ApplicationLogLevel.FATAL }),
      environment: { ...environment },
      ...props.network?.(role),
    });
    const { failures, aliases: [first = 'live', ...others] = [] } = props;
    this.alias = this.createAlias(first, failures);
    this.aliases = new Map([
      [first, this.alias],
      ...others.map((name) => [name, this.createAlias(name, failures)] as const),
    ]);
    acknowledge(
      this.function,
      {
        id: 'Serverless-LambdaDLQ',
        reason: typeof failures === 'string' ? failures : 'The aliases have the queue, and only they can be called.',
      },
      { id: 'Serverless-LambdaTracing', reason: 'One call needs no trace. X-Ray would need a right on *.' },
    );
  }

  /** Lambda never repeats an asynchronous call that failed: it may have done what it was called for. */
  private createAlias(name: string, failures: IQueue | string): IAlias {
    const alias = this.function.addAlias(name, {
      retryAttempts: 0,
      ...(typeof failures === 'string'
        ? { maxEventAge: Duration.minutes(1) }
        : { maxEventAge: Duration.hours(1), onFailure: new SqsDestination(failures) }),
    });
    if (typeof failures === 'string') {
      acknowledge(alias, { id: 'Serverless-LambdaAsyncFailureDestination', reason: failures });
    }
    // With exactOptionalPropertyTypes, the CDK's class Alias is not assignable to the CDK's interface IAlias.
    return alias as IAlias;
  }
}
