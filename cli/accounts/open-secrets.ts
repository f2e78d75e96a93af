// What the secrets of open accounts are like, and how one is found. Called by the commands of this folder.
import { accountIdPattern } from '../../lambda/account-secrets.ts';
import type { Secrets } from '../aws/secrets-client.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Target } from '../target.ts';

/** What the stack says of the secrets of open accounts: the output `OpenAccounts`. */
export interface OpenSettings {
  /** What their names begin with. The rest is the id. */
  readonly prefix: string;
  readonly tag: { readonly key: string; readonly value: string };
  /** @default - the AWS managed key, as in the local run */
  readonly keyArn?: string;
  /** The resource policy of each. @default none */
  readonly policy?: object;
}

/** A secret under the prefix. `removed`: Secrets Manager deletes it at the end of its waiting time. */
export interface OpenSecret {
  readonly state: 'absent' | 'empty' | 'in use' | 'removed';
  readonly deletedAt?: Date;
}

/**
 * Returns the settings of open accounts.
 *
 * @throws CommandError if the outputs of the stack have none
 */
export function openSettings({ openAccounts }: Target): OpenSettings {
  if (openAccounts === undefined) {
    const text =
      'the outputs of the stack do not say that accounts are open; set "openAccounts": true, deploy, and give --outputs with the file that `cdk deploy --outputs-file` wrote';
    throw new CommandError(exitCodes.usage, text);
  }
  return JSON.parse(openAccounts);
}

/** Returns the name of the secret. @throws CommandError if the id is malformed */
export function secretNameOf({ prefix }: OpenSettings, account: string): string {
  if (!accountIdPattern.test(account)) {
    const text = `${JSON.stringify(account.slice(0, 80))} is not an account id: up to 63 lower-case letters, digits and hyphens, with no hyphen at the start`;
    throw new CommandError(exitCodes.usage, text);
  }
  return `${prefix}${account}`;
}

/**
 * Returns the id of the secret of an account. The names of outputs have no hyphens, so the output of the listed account `nit-2` must
 * not be taken for the one of the open account `nit2`.
 *
 * @param status what the broker says of the account
 */
export function secretIdByStatus(target: Target, account: string, status: unknown): string | undefined {
  const isOpen = Object(status).open === true && target.openAccounts !== undefined;
  return isOpen ? secretNameOf(openSettings(target), account) : target.secretId(account);
}

/**
 * Finds the secret of an account.
 *
 * @throws CommandError if there is a secret of this name that does not have the tag of the broker
 */
export async function findSecret(secrets: Secrets, settings: OpenSettings, account: string): Promise<OpenSecret> {
  const found = await describe(secrets, secretNameOf(settings, account));
  if (found === undefined) {
    return { state: 'absent' };
  }
  const { key, value } = settings.tag;
  if (!hasTag(found, settings)) {
    const text = `the secret ${settings.prefix}${account} exists and does not have the tag ${key} = ${value}, so it is not of an account that was added here; choose another id`;
    throw new CommandError(exitCodes.failed, text);
  }
  const { DeletedDate: deleted } = found;
  return { state: secretStateOf(found), ...(deleted !== undefined && { deletedAt: new Date(Number(deleted) * 1000) }) };
}

function secretStateOf({ DeletedDate: deleted, VersionIdsToStages: versions }: Readonly<Record<string, unknown>>) {
  if (deleted !== undefined) {
    return 'removed';
  }
  return Object.values(Object(versions)).flat().includes('AWSCURRENT') ? 'in use' : 'empty';
}

/**
 * Checks the secret of an account before a value is stored. That of an open account may have no policy yet, so that others could read the
 * value, or may wait for its deletion.
 *
 * @param status what the broker says of the account: nothing is asked if that is not open
 * @throws CommandError that says what to do
 */
export async function refuseUnfit(
  target: Target,
  secrets: Secrets,
  { account, secretId, status }: { readonly account: string; readonly secretId: string; readonly status: unknown },
): Promise<void> {
  if (Object(status).open !== true || target.openAccounts === undefined) {
    return;
  }
  const found = await describe(secrets, secretId);
  if (found === undefined || !hasTag(found, openSettings(target))) {
    return;
  }
  const state = secretStateOf(found);
  if (state === 'empty' || state === 'removed') {
    const how = state === 'empty' ? 'has no policy and no value yet' : 'was removed';
    const what = state === 'empty' ? 'goes on' : 'brings it back';
    throw new CommandError(
      exitCodes.failed,
      `nothing was stored; ${account} ${how}: \`accounts add ${account}\` ${what}`,
    );
  }
}

/** Whether a secret, as Secrets Manager describes it, has the tag of the broker. */
export function hasTag({ Tags: tags }: Readonly<Record<string, unknown>>, { tag }: OpenSettings): boolean {
  return Array.isArray(tags) && tags.some(({ Key, Value }) => Key === tag.key && Value === tag.value);
}

async function describe(secrets: Secrets, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  return await secrets.call('DescribeSecret', { SecretId: name }).catch((thrown: unknown) => {
    if (thrown instanceof Error && thrown.name === 'ResourceNotFoundException') {
      return undefined;
    }
    throw thrown;
  });
}
