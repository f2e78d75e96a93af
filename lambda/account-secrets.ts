// Says which secret each account has: reads the variables, compares secrets. Called by config.ts, events/warmup.ts and infra/.
import { parseJsonObject } from './json.ts';

/** An account's id: at most 63 characters, so that `account-<id>` fits an alias and a path. */
export const accountIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** What the name of a secret begins with if its end is the account's id: at most 128 characters, the last one a slash. */
export const secretPrefixPattern = /^[\w/+=.@-]{1,127}\/$/;

/** The environment variables about accounts. */
export const accountVariables = {
  /** JSON: the secret of each account, by name, by ARN, or by what follows `secretArnStart`, from the colon before the name on. */
  accounts: 'FEGORA_ACCOUNTS',
  /** Ids with one space between two. The name of the secret of each is `secretPrefix` and the id. */
  accountIds: 'FEGORA_ACCOUNT_IDS',
  secretPrefix: 'FEGORA_SECRET_PREFIX',
  /**
   * `1`: every other id is an account too, if there is a secret of that name that the role may read. `with-metrics`: the same, with a
   * metric of its own.
   */
  openAccounts: 'FEGORA_OPEN_ACCOUNTS',
  /** The ARN of a secret of this AWS account and region, up to `:secret`. */
  secretArnStart: 'FEGORA_SECRET_ARN_START',
} as const;

/** The secret id of each account that is listed or open. Only the listed ones can be counted. */
export type SecretIds = Pick<ReadonlyMap<string, string>, 'get' | 'has'>;

/**
 * Adds the open accounts: every id of the right form that is not listed. An id is none if a listed account has the secret of its name: the
 * callers of the id would get the tokens of that account.
 *
 * @param prefix undefined if accounts are not open
 */
export function withOpenAccounts(listed: ReadonlyMap<string, string>, prefix: string | undefined): SecretIds {
  const taken = [...listed.values()].filter((secretId) => prefix !== undefined && secretId.includes(prefix));
  const nameOf = (id: string) => {
    const name = `${prefix}${id}`;
    return taken.some((secretId) => isSameSecret(secretId, name)) ? undefined : name;
  };
  const get = (id: string) =>
    listed.get(id) ?? (prefix !== undefined && accountIdPattern.test(id) ? nameOf(id) : undefined);
  return { get, has: (id) => get(id) !== undefined };
}

type Variables = Readonly<Record<string, string | undefined>>;
type NoteFault = (variable: string, problem: string) => void;

/**
 * Reads the secret id of each account, and notes every fault with its variable. Never throws.
 *
 * @param env environment variables by name
 */
export function readAccounts(env: Variables, note: NoteFault): ReadonlyMap<string, string> {
  const { accounts: variable, accountIds, secretPrefix, openAccounts, secretArnStart } = accountVariables;
  const { [secretPrefix]: prefix = '', [secretArnStart]: start } = env;
  const accounts = readSecretIds(env, note);
  const isOurs = (secretId: string) =>
    start === undefined || !secretId.startsWith('arn:') || secretId.startsWith(start);
  // A secret of another AWS account may have the name of one of ours.
  const listed = [...accounts.values()].filter(isOurs);
  for (const id of env[accountIds]?.split(' ') ?? []) {
    const name = `${prefix}${id}`;
    if (accounts.has(id) || !accountIdPattern.test(id)) {
      note(accountIds, 'contains a malformed or a second account id');
    } else if (listed.some((secretId) => isSameSecret(secretId, name))) {
      note(variable, sameSecret);
    }
    accounts.set(id, name);
  }
  if (!secretPrefixPattern.test(prefix) && (env[secretPrefix] ?? env[accountIds] ?? env[openAccounts]) !== undefined) {
    note(secretPrefix, 'is missing, or does not end with a slash');
  }
  if (start !== undefined && !/^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret$/.test(start)) {
    note(secretArnStart, 'is malformed');
  }
  return accounts;
}

const sameSecret = 'gives two accounts the same secret';

function readSecretIds(env: Variables, note: NoteFault): Map<string, string> {
  const { accounts: variable, secretArnStart } = accountVariables;
  const members = parseJsonObject(env[variable] ?? '') ?? new Map<string, unknown>();
  if (members.size === 0 && !areElsewhere(env)) {
    note(variable, 'is missing or is not a JSON object of accounts');
  }
  const secretIds = new Map<string, string>();
  for (const [account, value] of members) {
    const secretId = secretIdOf(value, env[secretArnStart]);
    if (!accountIdPattern.test(account)) {
      note(variable, 'contains a malformed account id');
    } else if (secretId === undefined) {
      note(variable, 'contains a malformed secret id');
    } else if ([...secretIds.values()].some((other) => isSameSecret(other, secretId))) {
      note(variable, sameSecret);
    } else {
      secretIds.set(account, secretId);
    }
  }
  return secretIds;
}

/** Whether all accounts are among the ids, or open. */
function areElsewhere({
  [accountVariables.accounts]: accounts,
  [accountVariables.accountIds]: ids,
  [accountVariables.openAccounts]: open,
}: Variables): boolean {
  return accounts === undefined && (ids ?? open) !== undefined;
}

/** Returns the name or the ARN. Undefined if the value is neither, nor the end of an ARN whose beginning is known. */
function secretIdOf(value: unknown, arnStart: string | undefined): string | undefined {
  const isEnd = /^:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/.test(String(value));
  const secretId = isEnd && arnStart !== undefined ? `${arnStart}${value}` : value;
  return typeof secretId === 'string' && /^[\w/+=.@!-][\w/+=.@!:-]{0,2047}$/.test(secretId) ? secretId : undefined;
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
