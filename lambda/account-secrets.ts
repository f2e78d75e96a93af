// Says which secret each account has: reads the variables, compares secrets. Called by config.ts, events/warmup.ts and infra/.
import { parseJsonObject } from './json.ts';

/** An account's id: at most 63 characters, so that `account-<id>` fits an alias and a path. */
export const accountIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** What the name of a secret begins with if its end is the account's id: at most 128 characters, the last one a slash. */
export const secretPrefixPattern = /^[\w/+=.@-]{1,127}\/$/;

/** The variables about accounts, as they are set. */
export interface AccountVariables {
  /** JSON: the secret of each account, by name, by ARN, or by what follows `secretArnStart` after a colon. */
  readonly accounts: string | undefined;
  /** Ids with one space between two. The name of the secret of each is `secretPrefix` and the id. */
  readonly accountIds: string | undefined;
  readonly secretPrefix: string | undefined;
  /** The ARN of a secret of this AWS account and region, up to `:secret`. */
  readonly secretArnStart: string | undefined;
}

/** The id of the secret of each account, and the prefix of the names. */
export interface AccountSecrets {
  readonly accounts: ReadonlyMap<string, string>;
  readonly secretPrefix: string | undefined;
}

type NoteFault = (variable: keyof AccountVariables, problem: string) => void;

/** Reads the accounts, and notes every fault with its variable. Never throws. */
export function readAccounts(variables: AccountVariables, note: NoteFault): AccountSecrets {
  checkPatterns(variables, note);
  const listed = readSecretIds(variables, note);
  const named = readNamed(variables, note);
  const secretIds = [...listed.values()].filter((secretId) => !isElsewhere(secretId, variables));
  for (const [account, name] of named) {
    if (listed.has(account)) {
      note('accountIds', 'contains an account that has its secret in another variable');
    } else if (secretIds.some((secretId) => isSameSecret(secretId, name))) {
      note('accounts', 'gives two accounts the same secret');
    }
  }
  return { accounts: new Map([...listed, ...named]), secretPrefix: variables.secretPrefix };
}

/** A secret of another AWS account or region has an ARN that begins with something else, and may have the same name. */
function isElsewhere(secretId: string, { secretArnStart }: AccountVariables): boolean {
  return secretArnStart !== undefined && secretId.startsWith('arn:') && !secretId.startsWith(`${secretArnStart}:`);
}

function checkPatterns({ secretPrefix, secretArnStart }: AccountVariables, note: NoteFault): void {
  if (secretPrefix !== undefined && !secretPrefixPattern.test(secretPrefix)) {
    note('secretPrefix', 'is not the beginning of the names of secrets, with a slash at its end');
  }
  if (secretArnStart !== undefined && !/^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret$/.test(secretArnStart)) {
    note('secretArnStart', 'is not the beginning of the ARNs of secrets');
  }
}

function readNamed({ accountIds, secretPrefix }: AccountVariables, note: NoteFault): ReadonlyMap<string, string> {
  if (accountIds === undefined) {
    return new Map();
  }
  const ids = accountIds.split(' ');
  if (!ids.every((id) => accountIdPattern.test(id))) {
    note('accountIds', 'contains a malformed account id, or not one space between two');
  }
  if (new Set(ids).size < ids.length) {
    note('accountIds', 'contains an account twice');
  }
  if (secretPrefix === undefined) {
    note('secretPrefix', 'is missing: it is what the names of the secrets begin with');
  }
  return new Map(ids.map((id) => [id, `${secretPrefix}${id}`]));
}

function readSecretIds(
  { secretArnStart, ...variables }: AccountVariables,
  note: NoteFault,
): ReadonlyMap<string, string> {
  const secretIds = new Map<string, string>();
  for (const [account, value] of entriesOf(variables, note)) {
    const secretId = secretIdOf(value, secretArnStart);
    if (!accountIdPattern.test(account)) {
      note('accounts', 'contains a malformed account id');
    } else if (secretId === undefined) {
      note('accounts', 'contains a malformed secret id');
    } else if ([...secretIds.values()].some((other) => isSameSecret(other, secretId))) {
      note('accounts', 'gives two accounts the same secret');
    } else {
      secretIds.set(account, secretId);
    }
  }
  return secretIds;
}

/** Returns the members of `accounts`: none if all accounts are in `accountIds`. */
function entriesOf(
  { accounts, accountIds }: Pick<AccountVariables, 'accounts' | 'accountIds'>,
  note: NoteFault,
): ReadonlyMap<string, unknown> {
  if (accounts === undefined && accountIds !== undefined) {
    return new Map();
  }
  const members = parseJsonObject(accounts ?? '');
  if (members === undefined || members.size === 0) {
    note('accounts', 'is missing or is not a JSON object of accounts');
  }
  return members ?? new Map();
}

/** Returns the name or the ARN. Undefined if the value is neither, nor the end of an ARN whose beginning is known. */
function secretIdOf(value: unknown, arnStart: string | undefined): string | undefined {
  if (typeof value !== 'string') {
    return undefined;
  }
  if (value.startsWith(':')) {
    return arnStart !== undefined && /^:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/.test(value) ? `${arnStart}${value}` : undefined;
  }
  return /^[\w/+=.@!:-]{1,2048}$/.test(value) ? value : undefined;
}

const secretArn = /^(arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:)(.+)$/;

/**
 * Whether two ids mean the same secret. They do if they are equal, and if one is an ARN with its six random characters
 * and the other is the same ARN without these, or only the name.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html (ARN and partial ARN)
 */
export function isSameSecret(one: string, other: string): boolean {
  return one === other || isShortFor(one, other) || isShortFor(other, one);
}

function isShortFor(short: string, arn: string): boolean {
  const [, prefix, name] = secretArn.exec(arn) ?? [];
  if (prefix === undefined || name === undefined) {
    return false;
  }
  const bare = short.startsWith(prefix) ? short.slice(prefix.length) : short;
  return name === bare || (name.startsWith(`${bare}-`) && /^[A-Za-z0-9]{6}$/.test(name.slice(bare.length + 1)));
}
