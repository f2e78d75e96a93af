import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TokenBroker, type TokenBrokerProps } from './token-broker.ts';

export interface TokenBrokerStackProps extends StackProps {
  readonly broker: TokenBrokerProps;
}

/** One broker. */
export class TokenBrokerStack extends Stack {
  readonly broker: TokenBroker;

  constructor(scope: Construct, id: string, props: TokenBrokerStackProps) {
    super(scope, id, props);
    this.broker = new TokenBroker(this, 'Broker', props.broker);
    new CfnOutput(this, 'Url', { value: this.broker.api.url });
    for (const [account, secretArn] of this.broker.secretArns) {
      new CfnOutput(this, `Secret-${account}`, { value: secretArn });
    }
  }
}
