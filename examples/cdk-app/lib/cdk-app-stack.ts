// The stack: a broker, two functions that get tokens from it, and two probes. Created by bin/cdk-app.ts.
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import { BrokerProbe, TokenBroker } from 'fegora-token-broker';

/** One broker with one account. Each function has another way to the broker, and both have the same code. */
export class CdkAppStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const broker = new TokenBroker(this, 'Broker', { accounts: { main: {} } });

    const apiCaller = this.createCaller('ApiCaller');
    broker.connect(apiCaller, 'main');

    const directCaller = this.createCaller('DirectCaller');
    broker.connect(directCaller, 'main', { via: 'invoke' });

    // One probe must get a token. The other has no right and must be refused.
    new BrokerProbe(this, 'PermittedProbe', { broker, account: 'main' });
    new BrokerProbe(this, 'ForbiddenProbe', { broker, account: 'main', expected: 'forbidden' });

    this.addOutputs(broker);
    new CfnOutput(this, 'ApiCallerName', { value: apiCaller.functionName });
    new CfnOutput(this, 'DirectCallerName', { value: directCaller.functionName });
  }

  /** Returns a function with the defaults of the CDK, except its timeout: the client may try for 30 s to get a token. */
  private createCaller(id: string): NodejsFunction {
    return new NodejsFunction(this, id, { entry: 'lambda/invoicer.ts', timeout: Duration.seconds(60) });
  }

  /** The command line `fegora-broker` finds the broker by these outputs. */
  private addOutputs(broker: TokenBroker): void {
    new CfnOutput(this, 'Url', { value: broker.url });
    new CfnOutput(this, 'FunctionName', { value: broker.functionName });
    new CfnOutput(this, 'Secretmain', { value: broker.secretArnOf('main') });
  }
}
