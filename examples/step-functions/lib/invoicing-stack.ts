// The stack: a workflow that issues invoices, with tokens of a broker in another stack. Created by bin/step-functions.ts.
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FegoraRequests, TokenBroker } from 'fegora-token-broker';
import { Invoicing } from './invoicing';

/** The broker, which another stack has deployed, and one of its accounts. */
export interface InvoicingStackProps extends StackProps {
  /** ARN of the broker's function, without an alias. */
  readonly functionArn: string;
  /** Id of the broker's API: the first label of its URL. */
  readonly apiId: string;
  readonly account: string;
}

/** The workflow may only send requests of the account, and only the function for requests may get the token. */
export class InvoicingStack extends Stack {
  constructor(scope: Construct, id: string, { functionArn, apiId, account, ...props }: InvoicingStackProps) {
    super(scope, id, props);
    const broker = TokenBroker.fromAttributes(this, 'Broker', { functionArn, apiId, accounts: [account] });
    const requests = new FegoraRequests(this, 'Requests', { broker });
    const invoicing = new Invoicing(this, 'Invoicing', { requests, account });
    new CfnOutput(this, 'StateMachineArn', { value: invoicing.stateMachineArn });
  }
}
