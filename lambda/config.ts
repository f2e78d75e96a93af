// Parses and checks the environment variables. Called by handler.ts; infra/ uses its names and patterns.
import { parseJsonObject } from './json.ts';

/** The environment variables that the function reads, besides those that AWS defines (`AWS_ENDPOINT_URL*`). */
export const variables = {
  tokenUrl: 'FEGORA_TOKEN_URL',
  allowHttpLoopback: 'FEGORA_ALLOW_HTTP_LOOPBACK',
  clientId: 'FEGORA_CLIENT_ID',
  accounts: 'FEGORA_ACCOUNTS',
  defaultAccount: 'FEGORA_DEFAULT_ACCOUNT',
  tableName: 'TOKEN_TABLE_NAME',
  loginsPerHour: 'FEGORA_LOGINS_PER_HOUR',
  loginsPerDay: 'FEGORA_LOGINS_PER_DAY',
  renewWith: 'FEGORA_RENEW_WITH',
  /** Node's own variable. With `0`, Node would accept any certificate as Fegora's. */
  tlsRejectUnauthorized: 'NODE_TLS_REJECT_UNAUTHORIZED',
} as const;

/** Fegora's token endpoint. */
export const defaultTokenUrl = 'https://api.fegora.com/token';
/** The `client_id` in Fegora's public documentation. */
export const defaultClientId = 'apiApp';

/**
 * Logins that one Fegora user gets in an hour and in a day. A token of 30 minutes needs 2 an hour and 48 a day; the rest is
 * for forced renewals and for failures. Comparable services allow 50 a day and 10 requests a minute.
 */
export const defaultLoginBudget = { perHour: 12, perDay: 150 } as const;

/** What a token may be renewed with. The first is the default. */
export const renewals = ['password', 'refresh_token'] as const;

/** An account's id: at most 63 characters, so that `account-<id>` fits an alias and a path. */
export const accountIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The aliases by which the function may be invoked. The alias decides what the caller may do. */
export const aliases = { http: 'http', warmup: 'warmup', admin: 'admin', accountPrefix: 'account-' } as const;

/** The whole configuration, checked. */
export interface Config {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly accounts: ReadonlyMap<string, string>;
  readonly defaultAccount: string | undefined;
  readonly tableName: string;
  /** How many logins one Fegora user gets. */
  readonly loginBudget: { readonly perHour: number; readonly perDay: number };
  readonly renewWith: (typeof renewals)[number];
}

/** What is wrong with one variable. It names the variable and never repeats the value. */
export interface Fault {
  readonly variable: string;
  readonly problem: string;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Note = (variable: string, problem: string) => void;

/** Reads the environment. Returns the whole configuration, or all faults in it. Never throws. */
export function parseConfig(env: Environment): { readonly config: Config } | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const note: Note = (variable, problem) => faults.push({ variable, problem });
  const accounts = readAccounts(env, note);
  const config: Config = Object.freeze({
    tokenUrl: readTokenUrl(env, note),
    clientId: readMatching(env[variables.clientId] ?? defaultClientId, /^[\x21-\x7e]{1,128}$/, () =>
      note(variables.clientId, 'is not a client id'),
    ),
    accounts,
    defaultAccount: readDefaultAccount(env, accounts, note),
    tableName: readMatching(env[variables.tableName] ?? '', /^[\w.:/-]{3,1024}$/, () =>
      note(variables.tableName, 'is missing or is not a table name'),
    ),
    loginBudget: Object.freeze({
      perHour: readCount(env, variables.loginsPerHour, { fallback: defaultLoginBudget.perHour, note }),
      perDay: readCount(env, variables.loginsPerDay, { fallback: defaultLoginBudget.perDay, note }),
    }),
    renewWith: readRenewWith(env, note),
  });
  if (env[variables.tlsRejectUnauthorized] === '0') {
    note(variables.tlsRejectUnauthorized, 'must not switch off the check of certificates: remove it');
  }
  return faults.length > 0 ? { faults } : { config };
}

function readCount(
  env: Environment,
  variable: string,
  { fallback, note }: { readonly fallback: number; readonly note: Note },
): number {
  const text = env[variable] ?? String(fallback);
  if (!/^[1-9]\d{0,2}$/.test(text) || Number(text) > 250) {
    note(variable, 'must be a whole number from 1 to 250');
  }
  return Number(text);
}

function readRenewWith(env: Environment, note: Note): Config['renewWith'] {
  const text = env[variables.renewWith] ?? 'password';
  readMatching(text, /^(password|refresh_token)$/, () =>
    note(variables.renewWith, 'must be password or refresh_token'),
  );
  return text === 'refresh_token' ? text : 'password';
}

function readMatching(value: string, pattern: RegExp, fault: () => void): string {
  if (!pattern.test(value)) {
    fault();
  }
  return value;
}

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether the host name of a parsed URL is this machine's loopback interface. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHost.test(hostname);
}

function readTokenUrl(env: Environment, note: Note): string {
  const url = URL.parse(env[variables.tokenUrl] ?? defaultTokenUrl);
  if (url === null) {
    note(variables.tokenUrl, 'is not a URL');
    return '';
  }
  if (url.username !== '' || url.password !== '') {
    note(variables.tokenUrl, 'must not contain credentials');
  }
  const plainAllowed = env[variables.allowHttpLoopback] === '1' && isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && plainAllowed)) {
    note(variables.tokenUrl, `must be https (http only for loopback, with ${variables.allowHttpLoopback}=1)`);
  }
  return url.href;
}

function readAccounts(env: Environment, note: Note): ReadonlyMap<string, string> {
  const members = parseJsonObject(env[variables.accounts] ?? '');
  if (members === undefined || members.size === 0) {
    note(variables.accounts, 'is missing or is not a JSON object of accounts');
    return new Map();
  }
  const accounts = new Map<string, string>();
  for (const [account, secretId] of members) {
    if (!accountIdPattern.test(account)) {
      note(variables.accounts, 'contains a malformed account id');
    } else if (!isSecretId(secretId)) {
      note(variables.accounts, 'contains a malformed secret id');
    } else if ([...accounts.values()].some((other) => isSameSecret(other, secretId))) {
      note(variables.accounts, 'gives two accounts the same secret');
    } else {
      accounts.set(account, secretId);
    }
  }
  return accounts;
}

function isSecretId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w/+=.@!:-]{1,2048}$/.test(value);
}

function readDefaultAccount(env: Environment, accounts: ReadonlyMap<string, string>, note: Note): string | undefined {
  const account = env[variables.defaultAccount];
  if (account !== undefined && !accounts.has(account)) {
    note(variables.defaultAccount, `is not an account of ${variables.accounts}`);
  }
  return account;
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
