import { setTimeout } from 'node:timers/promises';
import type { Environment } from '../../lambda/config.ts';
import type { HttpAnswer } from '../../lambda/events/api-gateway.ts';
import type { Handler } from '../../lambda/events/router.ts';
import { createHandler, type Parts } from '../../lambda/handler.ts';
import { type FegoraOptions, type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import { type SecretsManager, startSecretsManager } from '../../local/secrets-manager/server.ts';
import { startTable } from '../../local/table.ts';
import { type HttpCall, httpEvent, invocation } from './events/events.ts';

export interface WorldOptions {
  /** The first is the default account. @default one and two */
  readonly accounts?: readonly string[];
  readonly fegora?: FegoraOptions;
  /** Added to the function's environment. */
  readonly env?: Environment;
  /** For every environment and for Fegora. @default the system's clock and chance */
  readonly parts?: Parts;
}

/** An HTTP answer, its body parsed. */
export interface Answer extends Omit<HttpAnswer, 'body' | 'statusCode'> {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One execution environment, and every door into it. Direct calls reject as Lambda's callers see it. */
export interface Door {
  readonly handler: Handler;
  readonly http: (call?: HttpCall) => Promise<Answer>;
  readonly invoke: (account: string, payload?: unknown) => Promise<Readonly<Record<string, unknown>>>;
  readonly warmup: (event?: unknown) => Promise<Readonly<Record<string, unknown>>>;
  readonly admin: (event: unknown) => Promise<Readonly<Record<string, unknown>>>;
}

/** Everything around the function, on loopback. */
export interface World {
  readonly fegora: FegoraSimulator;
  readonly secrets: SecretsManager;
  readonly tableUrl: string;
  /** The function's environment variables. */
  readonly env: Environment;
  /** A new execution environment, with variables and parts of its own where given. */
  readonly environment: (env?: Environment, parts?: Parts) => Door;
  readonly close: () => Promise<void>;
}

export const tableName = 'tokens';

/** Of every account's user, at first. */
export function passwordOf(account: string): string {
  return `not-a-real-password-${account}`;
}

export function secretOf(account: string, password = passwordOf(account)): string {
  return JSON.stringify({ username: `user-${account}`, password });
}

/** Starts a Fegora, a Secrets Manager and a table, in which each account has a user and a secret `fegora/<account>`. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { accounts = ['one', 'two'], parts = {} } = options;
  const { now = Date.now, sleep = setTimeout } = parts.clock ?? {};
  const users = Object.fromEntries(accounts.map((account) => [`user-${account}`, passwordOf(account)]));
  const fegora = await startFegoraSimulator({ now, sleep, accounts: users, ...options.fegora });
  const secrets = await startSecretsManager();
  const table = await startTable(tableName);
  for (const account of accounts) {
    secrets.create(`fegora/${account}`, secretOf(account));
  }
  const env = {
    FEGORA_TOKEN_URL: fegora.url,
    FEGORA_ALLOW_HTTP_LOOPBACK: '1',
    FEGORA_ACCOUNTS: JSON.stringify(Object.fromEntries(accounts.map((account) => [account, `fegora/${account}`]))),
    FEGORA_DEFAULT_ACCOUNT: accounts[0],
    TOKEN_TABLE_NAME: tableName,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_DYNAMODB: table.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
    AWS_LAMBDA_FUNCTION_NAME: 'fegora-token-broker',
    ...options.env,
  };
  return {
    fegora,
    secrets,
    tableUrl: table.url,
    env,
    environment: (more = {}, own = parts) => doorsOf(createHandler({ ...env, ...more }, own), own),
    close: async () => {
      await Promise.all([fegora.close(), secrets.close(), table.close()]);
    },
  };
}

function doorsOf(handler: Handler, { clock }: Parts): Door {
  const call = async (alias: string, event: unknown) => asRecord(await handler(event, context(alias)));
  return {
    handler,
    http: async (request) => answerOf(await call('http', httpEvent(request))),
    invoke: (account, payload = {}) => call(`account-${account}`, payload),
    warmup: (event = {}) => call('warmup', event),
    admin: (event) => call('admin', event),
  };

  function context(alias: string) {
    const monotonic = clock?.monotonic ?? (() => performance.now());
    const endsAt = monotonic() + 25_000;
    return invocation(alias, () => Math.floor(endsAt - monotonic()));
  }
}

function answerOf({ statusCode, headers, body }: Readonly<Record<string, unknown>>): Answer {
  const names = Object.entries(asRecord(headers)).map(([name, value]) => [name, String(value)]);
  return { status: Number(statusCode), headers: Object.fromEntries(names), body: asRecord(JSON.parse(String(body))) };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return { ...Object(value) };
}
