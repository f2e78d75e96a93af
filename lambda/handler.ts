// The composition root: reads the environment, connects the adapters to the core, and exports what Lambda calls.
import { setTimeout } from 'node:timers/promises';
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { type SecretIds, withOpenAccounts } from './account-secrets.ts';
import { createGetSecretValue } from './aws/credential-source.ts';
import { createCredentialSources } from './aws/credential-sources.ts';
import { type AwsKeys, createCallDynamo, type DynamoOptions } from './aws/dynamodb.ts';
import { createIsConfigured } from './aws/open/owner-state.ts';
import { createUnknownAccounts } from './aws/open/unknown-accounts.ts';
import { type PrefetchDependencies, prefetchItem } from './aws/prefetch.ts';
import { createBindings } from './aws/token-binding.ts';
import { createTokenTable } from './aws/token-table.ts';
import { createBroker } from './broker/broker.ts';
import type { Clock } from './broker/clock.ts';
import type { Ports, TokenTable } from './broker/ports.ts';
import { type Config, type Environment, parseConfig } from './config.ts';
import { BrokerError, codesOfAnyId, type ErrorCode } from './errors.ts';
import { createFailingRouter, createRouter, type Handler } from './events/router.ts';
import { createEarlyConnection, type EarlyConnection } from './fegora/early-connection.ts';
import { createLogin } from './fegora/password-grant.ts';
import { createTelemetry } from './telemetry/telemetry.ts';

/** What a test may replace, and how init hears of the prefetch. */
export interface HandlerOptions {
  /** @default the system's clocks */
  readonly clock?: Clock;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
  /**
   * If given, the handler reads at once what the first call of the default account will need, and tells when that ends.
   *
   * @default no prefetch
   */
  readonly onPrefetch?: (ended: Promise<void>) => void;
}

const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }).catch(() => {}),
};

/**
 * Puts the function of one execution environment together. Never throws: if the configuration is faulty, every call is
 * answered `configuration`, and the log names the variables. An init that throws would tell callers nothing.
 */
export function createHandler(env: Environment, options: HandlerOptions = {}): Handler {
  const { clock = systemClock, random = Math.random } = options;
  const { AWS_LAMBDA_FUNCTION_NAME: service = 'fegora-token-broker', AWS_LAMBDA_LOG_LEVEL: filter } = env;
  const parsed = parseConfig(env);
  const isMeasured = (account: string, code?: ErrorCode) =>
    'faults' in parsed ||
    parsed.config.accounts.has(account) ||
    (parsed.config.openAccounts === 'with-metrics' && !codesOfAnyId.has(code));
  const telemetry = createTelemetry(service, clock.now, filter, isMeasured);
  if ('faults' in parsed) {
    telemetry.misconfigured(parsed.faults);
    const named = parsed.faults.map(({ variable }) => variable).join(', ');
    return createFailingRouter(new BrokerError('configuration', `at fault: ${named}`), telemetry);
  }
  const { config } = parsed;
  const { accounts, openAccounts, secretPrefix } = config;
  const secrets = withOpenAccounts(accounts, openAccounts ? secretPrefix : undefined);
  const early = createEarlyConnection(clock);
  const ports = connect(env, { ...config, secrets }, { clock, random, observe: telemetry.observe, early });
  const table = prefetched(
    { ...ports, connect: () => early.open(ports.login) },
    config.defaultAccount,
    options.onPrefetch,
  );
  const broker = createBroker({ ...ports, table });
  const { now } = clock;
  const loadSendDue = async () =>
    (await import('./aws/due/send-due.ts')).createSendDue({ ...config, dynamo: dynamoOptions(env), now });
  return createRouter({ config, secrets, broker, random, now, report: telemetry, loadSendDue });
}

/** What `createHandler` hands to the adapters. */
type Given = Pick<Ports, 'clock' | 'random' | 'observe'> & { readonly early: EarlyConnection };

/** The settings, with the secrets of all accounts that there may be. */
type KnownConfig = Config & { readonly secrets: SecretIds };

/** Fills the ports of the core. */
function connect(env: Environment, config: KnownConfig, { early, ...given }: Given): Ports {
  const { tokenUrl, tableName, loginBudget, renewWith } = config;
  const { now } = given.clock;
  const { bindings, ...ofSecrets } = connectSecrets(env, config, now);
  return {
    ...given,
    ...ofSecrets,
    tokenUrl,
    login: createLogin({ tokenUrl, now, renewWith, early }),
    table: createTokenTable(createCallDynamo(dynamoOptions(env), given), tableName, given.observe, bindings),
    loginBudget,
    renewWith,
    notesUse: config.warmupQueue !== undefined,
  };
}

/** Fills the ports that depend on secrets, and says what tokens are bound to. */
function connectSecrets(env: Environment, config: KnownConfig, now: () => number) {
  const { accounts: listed, secrets, clientId } = config;
  const { of, canLearn, learningFrom } = createBindings(config);
  const getSecretValue = learningFrom(createGetSecretValue(secretsOptions(env)));
  const isOpen = (account: string) => !listed.has(account) && secrets.has(account);
  const unknown = createUnknownAccounts(now);
  const open = { isOpen, unknown };
  const readCredentials = createCredentialSources({ getSecretValue, secrets, open, clientId, now });
  const isListed = (account: string) => listed.has(account);
  const isConfigured = createIsConfigured({ isListed, isOpen, isUnknown: unknown.has, readCredentials, now });
  const learn = async (account: string, signal: AbortSignal) =>
    canLearn(account) &&
    readCredentials(account, { past: false, signal }).then(
      () => true,
      () => false,
    );
  return { readCredentials, isOpen, isConfigured, bindings: { of, learn } };
}

/** A table that has what the first call of the account will need. */
function prefetched(
  ports: PrefetchDependencies,
  account: string | undefined,
  onPrefetch: HandlerOptions['onPrefetch'],
): TokenTable {
  if (onPrefetch === undefined || account === undefined) {
    return ports.table;
  }
  const table = prefetchItem(ports, account);
  onPrefetch(table.ended);
  return table;
}

function dynamoOptions(env: Environment): DynamoOptions {
  const { AWS_REGION: region = '', AWS_ENDPOINT_URL_DYNAMODB: endpoint = env.AWS_ENDPOINT_URL } = env;
  return { region, endpoint, keys: () => keysOf(env) };
}

/** Region and credentials are given, so that the SDK does not look for them. */
function secretsOptions(env: Environment): SecretsManagerClientConfig {
  const { AWS_REGION: region, AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint = env.AWS_ENDPOINT_URL } = env;
  const place = { ...(region !== undefined && { region }), ...(endpoint !== undefined && { endpoint }) };
  return { ...place, credentials: async () => keysOf(env) };
}

/** Lambda hands the keys over in the environment. */
function keysOf(env: Environment): AwsKeys {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  const { AWS_SESSION_TOKEN: sessionToken } = env;
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

const prefetches: Promise<void>[] = [];

/** What Lambda calls: wrapped, and put together once for each execution environment. */
export const handler: Handler = createHandler(process.env, { onPrefetch: (ended) => prefetches.push(ended) });

// Init waits for the prefetch: a first call of that account would wait for it anyway, and nothing may run on after the
// answer to a call that does not need it.
await Promise.all(prefetches);
