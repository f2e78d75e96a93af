// Builds the stack of one stage from its settings. Called by app.ts.
import { CfnOutput, Stack } from 'aws-cdk-lib';
import { ArnPrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { importExisting } from './resources/existing.ts';
import type { CallerSettings } from './settings/callers.ts';
import type { Settings } from './settings/settings.ts';
import { checkLimits } from './stack-limits.ts';
import { TokenBroker } from './token-broker.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

/** The broker of one stage, with its callers, its administrator and the outputs that the command line reads. */
export class TokenBrokerStack extends Stack {
  readonly broker: TokenBroker;

  constructor(scope: Construct, id: string, props: Settings & Pick<TokenBrokerProps, 'code'>) {
    super(scope, id, { env: props.env });
    this.broker = new TokenBroker(this, 'Broker', {
      ...props.broker,
      ...importExisting(this, props),
      code: props.code,
    });
    for (const caller of props.callers) {
      grantTo(this.broker, caller);
    }
    if (props.administrator !== undefined) {
      this.broker.grantAdmin(new ArnPrincipal(props.administrator));
    }
    new CfnOutput(this, 'Url', { value: this.broker.url });
    if (this.broker.domainTarget !== undefined) {
      new CfnOutput(this, 'DomainTarget', { value: this.broker.domainTarget });
    }
    new CfnOutput(this, 'FunctionName', { value: this.broker.functionName });
    if (this.broker.openAccounts !== undefined) {
      new CfnOutput(this, 'OpenAccounts', { value: this.broker.openAccounts });
    }
    this.addSecretOutputs();
    checkLimits(this);
  }

  /** The command line needs the ARNs of secrets whose names it does not know. A stack has 200 outputs. */
  private addSecretOutputs(): void {
    const { accounts, secretPrefix } = this.broker;
    if (secretPrefix !== undefined) {
      new CfnOutput(this, 'SecretPrefix', { value: secretPrefix });
    }
    for (const account of accounts.filter((id) => this.broker.secretNameOf(id) === undefined)) {
      new CfnOutput(this, `Secret-${account}`, { value: this.broker.secretArnOf(account) });
    }
  }
}

function grantTo(broker: TokenBroker, caller: CallerSettings): void {
  const grantee = new ArnPrincipal(caller.principal);
  switch (caller.right) {
    case 'grantTokenByTag':
      broker.grantTokenByTag(grantee, caller.tagKey);
      break;
    case 'grantTokenForAll':
      broker.grantTokenForAll(grantee);
      break;
    default:
      broker[caller.right](grantee, caller.account);
  }
}
