// Builds the stack of one stage from its settings. Called by app.ts and examples/app.ts.
import { CfnOutput, Stack } from 'aws-cdk-lib';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { ArnPrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Settings } from './settings/settings.ts';
import { TokenBroker } from './token-broker.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

/** The broker of one stage, with its callers, its administrator and the outputs that the command line reads. */
export class TokenBrokerStack extends Stack {
  readonly broker: TokenBroker;

  constructor(scope: Construct, id: string, props: Settings & Pick<TokenBrokerProps, 'code'>) {
    super(scope, id, { env: props.env });
    const { alarmTopicArn: topicArn, vpcEndpointIds } = props;
    this.broker = new TokenBroker(this, 'Broker', {
      ...props.broker,
      code: props.code,
      alarmTopic: topicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', topicArn),
      vpcEndpoints: vpcEndpointIds?.map((vpcEndpointId) =>
        InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(this, vpcEndpointId, { vpcEndpointId, port: 443 }),
      ),
    });
    for (const { principal, account, right } of props.callers) {
      this.broker[right](new ArnPrincipal(principal), account);
    }
    if (props.administrator !== undefined) {
      this.broker.grantAdmin(new ArnPrincipal(props.administrator));
    }
    new CfnOutput(this, 'Url', { value: this.broker.url });
    new CfnOutput(this, 'FunctionName', { value: this.broker.functionName });
    for (const account of this.broker.accounts) {
      new CfnOutput(this, `Secret-${account}`, { value: this.broker.secretArnOf(account) });
    }
  }
}
