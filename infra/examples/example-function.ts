// Creates a function that calls the broker, from one of the handlers. Called by example-stack.ts and probe.ts.
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

/** The handler and its environment. */
export interface ExampleFunctionProps {
  /** Name of a file in `handlers/`, without `.ts`. */
  readonly handler: string;
  /** Environment variables by name. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A function that calls the broker, with an alias. A grant on the alias covers only the alias. The CDK's grant on a
 * function covers all its versions and aliases. Without other grants, the function can only write its log.
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
    // With exactOptionalPropertyTypes, the CDK's class Alias is not assignable to the CDK's interface IAlias.
    this.alias = fn.addAlias('live', { retryAttempts: 0, maxEventAge: Duration.minutes(1) }) as IAlias;
    const reason = 'An example. Its owner, a schedule or a workflow calls it, and each of them can call again.';
    Validations.of(this).acknowledge(
      { id: 'Serverless-LambdaAsyncFailureDestination', reason },
      { id: 'Serverless-LambdaDLQ', reason },
      { id: 'Serverless-LambdaTracing', reason: 'One call needs no trace. X-Ray would need a right on *.' },
    );
  }
}

/** Bundles a handler and returns the folder of the bundle. The Lambda runtime provides the AWS SDK. */
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
