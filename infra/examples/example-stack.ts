// Builds the stack with one caller of every kind and two probes. Called by examples/app.ts.
import { Stack, type StackProps } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { BrokerProbe } from '../probe/probe.ts';
import type { TokenBroker } from '../token-broker.ts';
import { bundle, ExampleFunction } from './example-function.ts';
import { Invoicing } from './invoicing.ts';

/** The broker that the examples call. */
export interface ExampleStackProps extends StackProps {
  readonly broker: TokenBroker;
  /** Id of the account whose tokens the examples use. */
  readonly account: string;
}

/**
 * One caller of every kind: through the API, by direct invocation, from a workflow. One probe gets a token, one is
 * denied.
 */
export class ExampleStack extends Stack {
  constructor(scope: Construct, id: string, { broker, account, ...props }: ExampleStackProps) {
    super(scope, id, props);
    const viaApi = { BROKER_URL: broker.url, FEGORA_ACCOUNT: account };
    const direct = { BROKER_FUNCTION: broker.functionName, FEGORA_ACCOUNT: account };

    const apiCaller = new ExampleFunction(this, 'ApiCaller', { handler: 'call-api', environment: viaApi });
    broker.grantToken(apiCaller.alias, account);

    const directCaller = new ExampleFunction(this, 'DirectCaller', { handler: 'call-direct', environment: direct });
    broker.grantInvoke(directCaller.alias, account);

    const invoicing = new Invoicing(this, 'Invoicing', { token: broker.aliasOf(account), worker: directCaller.alias });
    broker.grantInvoke(invoicing.role, account);

    const code = Code.fromAsset(bundle('probe', '../probe/handler.ts'));
    new BrokerProbe(this, 'PermittedProbe', { broker, account, code });
    new BrokerProbe(this, 'DeniedProbe', { broker, account, code, expected: 'forbidden' });
  }
}
