// Starts the function and all servers that it calls, on loopback. Used by the scenario tests of function and client.
import { setTimeout } from 'node:timers/promises';
import type { Environment } from '../../lambda/config.ts';
import type { HttpAnswer } from '../../lambda/events/api-gateway.ts';
import type { Handler } from '../../lambda/events/router.ts';
import { createHandler, type HandlerOptions } from '../../lambda/handler.ts';
import { type FegoraOptions, type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import {
  type SecretsManager,
  type SecretsManagerOptions,
  startSecretsManager,
} from '../../local/secrets-manager/server.ts';
import { startTable } from '../../local/table.ts';
import { callFunction } from './events/call-function.ts';
import { type HttpCall, httpEvent, lambdaContext } from './events/events.ts';

export interface TestSystemOptions {
  /** Account ids. The first one is the default account. @default one and two */
  readonly accounts?: readonly string[];
  readonly fegora?: FegoraOptions;
  /** Added to the function's environment. */
  readonly env?: Environment;
  readonly secrets?: SecretsManagerOptions;
  /** Clock and random numbers of every environment and of Fegora. @default those of the system */
  readonly handlerOptions?: HandlerOptions;
}

/** An HTTP answer with its body parsed. */
export interface Answer extends Omit<HttpAnswer, 'body' | 'statusCode'> {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The ways to call one execution environment. A failed direct call rejects with the error that Lambda's callers get.
 */
export interface EntryPoints {
  readonly handler: Handler;
  readonly http: (call?: HttpCall) => Promise<Answer>;
  readonly invoke: (account: string, payload?: unknown) => Promise<Readonly<Record<string, unknown>>>;
  readonly warmup: (event?: unknown) => Promise<Readonly<Record<string, unknown>>>;
  readonly admin: (event: unknown) => Promise<Readonly<Record<string, unknown>>>;
}

/** All servers that the function calls, on loopback. */
export interface TestSystem {
  readonly fegora: FegoraSimulator;
  readonly secrets: SecretsManager;
  readonly tableUrl: string;
  /** The function's environment variables. */
  readonly env: Environment;
  /**
   * Starts one more execution environment. `env` is added to its variables. The options are those of the system by
   * default.
   */
  readonly environment: (env?: Environment, handlerOptions?: HandlerOptions) => EntryPoints;
  readonly close: () => Promise<void>;
}

export const tableName = 'tokens';

/** The password that the user of an account has at the start. */
export function passwordOf(account: string): string {
  return `not-a-real-password-${account}`;
}

/** The text of the secret of an account. */
export function secretOf(account: string, password = passwordOf(account)): string {
  return JSON.stringify({ username: `user-${account}`, password });
}

/** Starts Fegora, Secrets Manager and the table. Each account has a user, and a secret named `fegora/<account>`. */
export async function startTestSystem(options: TestSystemOptions = {}): Promise<TestSystem> {
  const { accounts = ['one', 'two'], handlerOptions = {} } = options;
  const { now = Date.now, sleep = setTimeout } = handlerOptions.clock ?? {};
  const users = Object.fromEntries(accounts.map((account) => [`user-${account}`, passwordOf(account)]));
  const fegora = await startFegoraSimulator({ now, sleep, accounts: users, ...options.fegora });
  const secrets = await startSecretsManager(options.secrets);
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
    environment: (more = {}, own = handlerOptions) => entryPointsOf(createHandler({ ...env, ...more }, own), own),
    close: async () => {
      await Promise.all([fegora.close(), secrets.close(), table.close()]);
    },
  };
}

function entryPointsOf(handler: Handler, { clock }: HandlerOptions): EntryPoints {
  const call = async (alias: string, event: unknown) => asRecord(await callFunction(handler, event, context(alias)));
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
    return lambdaContext(alias, () => Math.floor(endsAt - monotonic()));
  }
}

function answerOf({ statusCode, headers, body }: Readonly<Record<string, unknown>>): Answer {
  const names = Object.entries(asRecord(headers)).map(([name, value]) => [name, String(value)]);
  return { status: Number(statusCode), headers: Object.fromEntries(names), body: asRecord(JSON.parse(String(body))) };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return { ...Object(value) };
}
