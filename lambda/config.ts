// Parses and checks the environment variables. Called by handler.ts; infra/ uses its names and patterns.
import { accountVariables, readAccounts } from './account-secrets.ts';

/** The environment variables that the function reads, besides those that AWS defines (`AWS_ENDPOINT_URL*`). */
export const variables = {
  tokenUrl: 'FEGORA_TOKEN_URL',
  allowHttpLoopback: 'FEGORA_ALLOW_HTTP_LOOPBACK',
  clientId: 'FEGORA_CLIENT_ID',
  ...accountVariables,
  defaultAccount: 'FEGORA_DEFAULT_ACCOUNT',
  tableName: 'TOKEN_TABLE_NAME',
  /** The queue of accounts whose warm-up is due. Without it, no use is noted, and only a list is kept warm. */
  warmupQueue: 'WARMUP_QUEUE_URL',
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
 * Logins that one Fegora user gets in an hour and in a day. A token of 30 minutes is renewed after 20, so it needs 3 an
 * hour and 72 a day; the rest is for forced renewals and for failures. Comparable services allow 50 a day and 10 requests a minute.
 */
export const defaultLoginBudget = { perHour: 12, perDay: 150 } as const;

/** What a token may be renewed with. The first is the default. */
export const renewals = ['password', 'refresh_token'] as const;

/** The aliases by which the function may be invoked. The alias decides what the caller may do. */
export const aliases = { http: 'http', warmup: 'warmup', admin: 'admin', accountPrefix: 'account-' } as const;

/** The whole configuration, checked. */
export interface Config {
  readonly tokenUrl: string;
  readonly clientId: string;
  /** The id of the secret of each account: a name, or an ARN. */
  readonly accounts: ReadonlyMap<string, string>;
  /** What the names of secrets that follow from an account's id begin with. */
  readonly secretPrefix: string | undefined;
  /** Whether ids that are not among the accounts may be accounts too, with a secret of that name, and with metrics of their own. */
  readonly openAccounts: boolean | 'with-metrics';
  readonly defaultAccount: string | undefined;
  readonly tableName: string;
  /** URL of the queue of accounts whose warm-up is due. Not checked here: no call for a token needs it. */
  readonly warmupQueue: string | undefined;
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
    secretPrefix: env[variables.secretPrefix],
    openAccounts: readOpenAccounts(env, note),
    defaultAccount: readDefaultAccount(env, accounts, note),
    tableName: readMatching(env[variables.tableName] ?? '', /^[\w.:/-]{3,1024}$/, () =>
      note(variables.tableName, 'is missing or is not a table name'),
    ),
    warmupQueue: env[variables.warmupQueue],
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

function readOpenAccounts({ [variables.openAccounts]: value }: Environment, note: Note): Config['openAccounts'] {
  if (value !== undefined && value !== '1' && value !== 'with-metrics') {
    note(variables.openAccounts, 'must be 1 or with-metrics');
  }
  return value === 'with-metrics' ? value : value === '1';
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

function readDefaultAccount(env: Environment, accounts: ReadonlyMap<string, string>, note: Note): string | undefined {
  const account = env[variables.defaultAccount];
  if (account !== undefined && !accounts.has(account)) {
    note(variables.defaultAccount, 'is not one of the accounts');
  }
  return account;
}
