// Stops an account, drops its token, and deletes its secret. Called by accounts.ts.
import { TokenBrokerError } from '../../client/index.ts';
import { invokeAdmin } from '../aws/admin.ts';
import { describePlace } from '../aws/place.ts';
import { openSecrets } from '../aws/secrets-client.ts';
import { isYes } from '../credentials/yes.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';
import type { Target } from '../target.ts';
import { isListed, knownStatus } from './known-status.ts';
import { findSecret, openSettings, secretNameOf } from './open-secrets.ts';

/** How the command asks. */
export interface RemoveOptions {
  readonly yes?: true;
}

/** Secrets Manager can restore the secret for so long. */
const recoveryDays = 30;

/**
 * Removes an account. It is paused first, because environments may have its credentials in memory for some minutes. Nothing is done if
 * it was not added with `accounts add`.
 *
 * @throws CommandError if there is no such account, if the settings list it, or if the operator says no
 */
export async function removeAccount(
  target: Target,
  output: Output,
  account: string,
  { yes }: RemoveOptions,
): Promise<void> {
  const settings = openSettings(target);
  const secretId = secretNameOf(settings, account);
  const secrets = await openSecrets(target);
  const { state, deletedAt } = await findSecret(secrets, settings, account);
  if (state === 'absent') {
    throw new CommandError(exitCodes.notFound, `${account} is not an account that was added with \`accounts add\``);
  }
  if (deletedAt !== undefined) {
    throw new CommandError(exitCodes.failed, `${account} was removed already, at ${deletedAt.toISOString()}`);
  }
  const status = await knownStatus(target, account);
  if (status === undefined && state === 'in use') {
    const text = `nothing was done; the broker does not have ${account}. Perhaps an account in the settings of the stack has the secret ${secretId}`;
    throw new CommandError(exitCodes.failed, text);
  }
  if (isListed(status)) {
    const text = `nothing was done; ${account} is listed in the settings of the stack. If it does not use the secret ${secretId}, delete that in Secrets Manager`;
    throw new CommandError(exitCodes.failed, text);
  }
  await confirm(output, account, yes ?? false);
  output.onInterrupt(`perhaps ${account} is paused and its secret is still there; run the command again`);
  await stop(target, account);
  const input = { SecretId: secretId, RecoveryWindowInDays: recoveryDays };
  const { DeletionDate: date, ARN: arn } = await secrets.call('DeleteSecret', input);
  // The environment that answers learns that the secret is gone, and says `unknown_account` from now on. Others do within 5 minutes.
  await invokeAdmin(target, { action: 'status', account }).catch(() => {});
  const deletion = new Date(Number(date) * 1000).toISOString();
  output.show({ account, secret_id: secretId, deletion_date: deletion }, [
    `${account}: removed; its secret can be restored until ${deletion}`,
  ]);
  output.note(describePlace('done', arn, secrets.origin));
}

async function confirm(output: Output, account: string, yes: boolean): Promise<void> {
  if (yes) {
    return;
  }
  if (!output.isInteractive) {
    throw new CommandError(exitCodes.usage, 'nothing was done; without a terminal, the command needs --yes');
  }
  if (!isYes(await output.ask(`Remove ${account}? Its callers get no token, at the latest in a minute. [y/N] `))) {
    throw new CommandError(exitCodes.failed, 'nothing was done');
  }
}

/** A secret without a value belongs to no account yet: the broker has nothing to stop. */
async function stop(target: Target, account: string): Promise<void> {
  for (const action of ['pause', 'purge']) {
    await invokeAdmin(target, { action, account }).catch((thrown: unknown) => {
      if (!(thrown instanceof TokenBrokerError && thrown.code === 'unknown_account')) {
        throw thrown;
      }
    });
  }
}
