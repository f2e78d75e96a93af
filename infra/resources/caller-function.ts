// Creates a function that calls a broker. Called by probe/probe.ts.
import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  type IAlias,
  Function as LambdaFunction,
  LoggingFormat,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { nodeRuntime } from './runtime.ts';

/** The bundle and its environment. */
export interface CallerFunctionProps {
  /** The bundle. Its handler is `index.handler`. */
  readonly code: Code;
  /** Environment variables by name. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Why a failed asynchronous call needs no queue and no destination. */
  readonly withoutQueue: string;
}

/**
 * A function that calls a broker, with an alias. A grant on the alias covers only the alias. The CDK's grant on a
 * function covers all its versions and aliases. Without other grants, the function can only write its log.
 */
export class CallerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly alias: IAlias;

  constructor(scope: Construct, id: string, { code, environment = {}, withoutQueue }: CallerFunctionProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    logGroup.grantWrite(role);
    this.function = new LambdaFunction(this, 'Resource', {
      code,
      handler: 'index.handler',
      runtime: nodeRuntime,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(60),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: { ...environment },
    });
    // With exactOptionalPropertyTypes, the CDK's class Alias is not assignable to the CDK's interface IAlias.
    this.alias = this.function.addAlias('live', { retryAttempts: 0, maxEventAge: Duration.minutes(1) }) as IAlias;
    acknowledge(this.alias, { id: 'Serverless-LambdaAsyncFailureDestination', reason: withoutQueue });
    acknowledge(
      this.function,
      { id: 'Serverless-LambdaDLQ', reason: withoutQueue },
      { id: 'Serverless-LambdaTracing', reason: 'One call needs no trace. X-Ray would need a right on *.' },
    );
  }
}
