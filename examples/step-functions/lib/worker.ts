// Creates the function that issues one invoice. Called by invoicing-stack.ts.
import { Duration, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type Alias, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

const noQueue = 'Only the workflow calls the worker. The workflow waits for the result and can call again.';
const noTracing = 'One call needs no trace. X-Ray would need a right on *.';

/**
 * The worker, with an alias. A grant on the alias covers only the alias. The CDK's grant on a function covers all its
 * versions and aliases. Without other grants, the function can only write its log.
 */
export class Worker extends Construct {
  readonly function: NodejsFunction;
  readonly alias: Alias;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    logGroup.grantWrite(role);
    this.function = new NodejsFunction(this, 'Function', {
      entry: 'lambda/issue-invoice.ts',
      runtime: Runtime.NODEJS_24_X,
      memorySize: 256,
      timeout: Duration.seconds(60),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
    this.alias = this.function.addAlias('live', { retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    Validations.of(this).acknowledge(
      { id: 'Serverless-LambdaAsyncFailureDestination', reason: noQueue },
      { id: 'Serverless-LambdaDLQ', reason: noQueue },
      { id: 'Serverless-LambdaTracing', reason: noTracing },
    );
  }
}
