// The stack: a workflow and its worker, with tokens of a broker in another stack. Created by bin/step-functions.ts.
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TokenBroker } from 'fegora-token-broker';
import { Invoicing } from './invoicing';
import { Worker } from './worker';

/** The broker, which another stack has deployed, and one of its accounts. */
export interface InvoicingStackProps extends StackProps {
  /** ARN of the broker's function, without an alias. */
  readonly functionArn: string;
  /** Id of the broker's API: the first label of its URL. */
  readonly apiId: string;
  readonly account: string;
}

/** The workflow and the worker invoke the broker, each with a right of its own on the alias of the account. */
export class InvoicingStack extends Stack {
  constructor(scope: Construct, id: string, { functionArn, apiId, account, ...props }: InvoicingStackProps) {
    super(scope, id, props);
    const broker = TokenBroker.fromAttributes(this, 'Broker', { functionArn, apiId, accounts: [account] });

    const worker = new Worker(this, 'Worker');
    broker.connect(worker.function, account, { via: 'invoke' });

    const invoicing = new Invoicing(this, 'Invoicing', { token: broker.aliasOf(account), worker: worker.alias });
    broker.grantInvoke(invoicing.role, account);
    new CfnOutput(this, 'StateMachineArn', { value: invoicing.stateMachineArn });
  }
}
