// Makes the secret of a new account, and lets the broker log in with it. Called by accounts.ts.
import { randomUUID } from 'node:crypto';
import { TokenBrokerError } from '../../client/index.ts';
import { invokeAdmin } from '../aws/admin.ts';
import { openSecrets, type Secrets } from '../aws/secrets-client.ts';
import { type AskedOptions, askSecret } from '../credentials/asked-secret.ts';
import { confirmRisk } from '../credentials/lockout.ts';
import { store } from '../credentials/stored-value.ts';
import { verify } from '../credentials/verification.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';
import type { Target } from '../target.ts';
import { isListed, type KnownStatus, knownStatus } from './known-status.ts';
import { findSecret, type OpenSecret, type OpenSettings, openSettings, secretNameOf } from './open-secrets.ts';

/** What the command line says of the new account. */
export interface AddOptions extends AskedOptions {
  /** @default true */
  readonly verify?: boolean;
  readonly yes?: true;
}

/**
 * Adds an account. The secret gets its tag and its policy before it gets its value, so that no other role can read the value at any
 * time. A command that was interrupted can be run again. An account that was removed comes back with the new credentials.
 *
 * @throws CommandError if the id is taken or malformed, TokenBrokerError if the login failed
 */
export async function addAccount(target: Target, output: Output, account: string, options: AddOptions): Promise<void> {
  const settings = openSettings(target);
  const secretId = secretNameOf(settings, account);
  const secrets = await openSecrets(target);
  const found = await findSecret(secrets, settings, account);
  const status = await knownStatus(target, account);
  refuseTaken(account, found, status);
  await confirmRisk(output, status, { yes: options.yes ?? false, now: Date.now() });
  const value = await askSecret(output, options);
  output.onInterrupt(`perhaps the secret is there without a value; run \`accounts add ${account}\` again`);
  await makeSecret(secrets, settings, { account, secretId, found });
  await store({ secrets, output }, { account, secretId }, value);
  if (status?.paused === true) {
    await invokeAdmin(target, { action: 'resume', account }).catch(notFound(account));
  }
  if (options.verify !== false) {
    const { document, line } = await verify(target, output, account).catch(notFound(account));
    output.show(document, [line]);
  }
}

function notFound(account: string) {
  return (thrown: unknown): never => {
    if (thrown instanceof TokenBrokerError && thrown.code === 'unknown_account') {
      const text = `${account}: stored, but the broker does not find it; a new secret can take some seconds, so see \`status ${account}\`; otherwise check that accounts are open in the settings`;
      throw new CommandError(exitCodes.tryLater, text, { cause: thrown });
    }
    throw thrown;
  };
}

/** An account that was removed is known too, because it has an item. A listed one has another secret, and must not be resumed. */
function refuseTaken(account: string, { state }: OpenSecret, status: KnownStatus | undefined): void {
  if (isListed(status)) {
    throw new CommandError(exitCodes.failed, `${account} is listed in the settings of the stack; choose another id`);
  }
  if (state === 'in use') {
    const text = `${account} exists already; \`credentials set ${account}\` stores other credentials`;
    const paused = status?.paused === true ? `. It is paused: \`resume ${account}\` ends that` : '';
    throw new CommandError(exitCodes.failed, `${text}${paused}`);
  }
}

interface NewSecret {
  readonly account: string;
  readonly secretId: string;
  readonly found: OpenSecret;
}

/** Makes or restores the secret, without its new value. */
async function makeSecret(
  secrets: Secrets,
  { keyArn, tag, policy }: OpenSettings,
  { account, secretId, found }: NewSecret,
): Promise<void> {
  if (found.state === 'absent') {
    await secrets.call('CreateSecret', {
      Name: secretId,
      Description: `Fegora credentials of account ${account}: {"username","password"}`,
      ...(keyArn !== undefined && { KmsKeyId: keyArn }),
      Tags: [{ Key: tag.key, Value: tag.value }],
      ClientRequestToken: randomUUID(),
    });
  } else if (found.state === 'removed') {
    await secrets.call('RestoreSecret', { SecretId: secretId });
  }
  if (policy !== undefined) {
    const text = JSON.stringify(policy);
    await secrets.call('PutResourcePolicy', { SecretId: secretId, ResourcePolicy: text, BlockPublicPolicy: true });
  }
}
