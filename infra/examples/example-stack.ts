import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { TokenBroker } from '../token-broker.ts';
import { ExampleFunction } from './example-function.ts';
import { Invoicing } from './invoicing.ts';
import { Probe } from './probe.ts';

/** The broker that is called. */
export interface ExampleStackProps extends StackProps {
  readonly broker: TokenBroker;
  /** The account that everything here has tokens of. */
  readonly account: string;
}

/** Every kind of caller: through the API, by direct invocation, from a workflow; and two probes, one of them denied. */
export class ExampleStack extends Stack {
  constructor(scope: Construct, id: string, { broker, account, ...props }: ExampleStackProps) {
    super(scope, id, props);
    const viaApi = { BROKER_URL: broker.api.url, FEGORA_ACCOUNT: account };
    const direct = { BROKER_FUNCTION: broker.functionName, FEGORA_ACCOUNT: account };

    const apiCaller = new ExampleFunction(this, 'ApiCaller', { handler: 'call-api', environment: viaApi });
    broker.grantToken(apiCaller.alias, account);

    const directCaller = new ExampleFunction(this, 'DirectCaller', { handler: 'call-direct', environment: direct });
    broker.grantInvoke(directCaller.alias, account);

    const invoicing = new Invoicing(this, 'Invoicing', { token: broker.aliasOf(account), worker: directCaller.alias });
    broker.grantInvoke(invoicing.role, account);

    const permitted = new Probe(this, 'PermittedProbe', { expected: 'token', environment: viaApi });
    broker.grantToken(permitted.alias, account);
    new Probe(this, 'DeniedProbe', { expected: 'forbidden', environment: viaApi });
  }
}
