import { fileURLToPath } from 'node:url';
import { Duration, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type IAlias,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { buildSync } from 'esbuild';

/** Which caller, and what it is told. */
export interface ExampleFunctionProps {
  /** Name of a file in `handlers/`. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A function that calls the broker, with an alias: a grant on that is on nothing else, while the CDK's grant on a function
 * is on all its versions and aliases. It may write its log and, until granted more, nothing else.
 */
export class ExampleFunction extends Construct {
  readonly alias: IAlias;

  constructor(scope: Construct, id: string, props: ExampleFunctionProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    logGroup.grantWrite(role);
    const fn = new LambdaFunction(this, 'Resource', {
      code: Code.fromAsset(bundle(props.handler)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(60),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: { ...props.environment },
    });
    // The CDK's own classes do not fit its own interfaces under exactOptionalPropertyTypes.
    this.alias = fn.addAlias('live', { retryAttempts: 0, maxEventAge: Duration.minutes(1) }) as IAlias;
    const reason = 'An example: called by its owner, by a schedule that comes again, or by a workflow that retries.';
    Validations.of(this).acknowledge(
      { id: 'Serverless-LambdaAsyncFailureDestination', reason },
      { id: 'Serverless-LambdaDLQ', reason },
      { id: 'Serverless-LambdaTracing', reason: 'Nothing to trace in one call; X-Ray would need a grant on *.' },
    );
  }
}

/** Bundles a handler into a folder of its own; the SDK is the runtime's. */
function bundle(handler: string): string {
  const outdir = fileURLToPath(new URL(`../../dist/examples/${handler}`, import.meta.url));
  buildSync({
    entryPoints: { index: fileURLToPath(new URL(`handlers/${handler}.ts`, import.meta.url)) },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    external: ['@aws-sdk/*'],
  });
  return outdir;
}
