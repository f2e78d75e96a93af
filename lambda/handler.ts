import { setTimeout } from 'node:timers/promises';
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { createGetSecretValue } from './aws/credential-source.ts';
import { createCredentialSources } from './aws/credential-sources.ts';
import { type AwsKeys, createCallDynamo, type DynamoOptions } from './aws/dynamodb.ts';
import { prefetchItem } from './aws/prefetch.ts';
import { createTokenTable } from './aws/token-table.ts';
import { type Broker, createBroker } from './broker/broker.ts';
import type { Clock, Ports, TokenTable } from './broker/ports.ts';
import { type Config, type Environment, parseConfig } from './config.ts';
import { BrokerError } from './errors.ts';
import { createFailingRouter, createRouter, type Handler } from './events/router.ts';
import { createLogin } from './fegora/password-grant.ts';
import { createTelemetry } from './telemetry/telemetry.ts';

/** What a test may put in the place of time and chance. */
export interface Parts {
  /** @default the system's */
  readonly clock?: Clock;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Where given, what the default account's first call will need is read before anybody asks; told when that ends. */
  readonly onEarlyRead?: (ended: Promise<void>) => void;
}

const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }).catch(() => {}),
};

/**
 * Puts the function of one execution environment together. Never throws: where the configuration is at fault, every
 * call is answered `configuration`, and the log says which variable; an init that throws would say nothing to callers.
 */
export function createHandler(env: Environment, parts: Parts = {}): Handler {
  const { clock = systemClock, random = Math.random, ...rest } = parts;
  const telemetry = createTelemetry(env.AWS_LAMBDA_FUNCTION_NAME ?? 'fegora-token-broker', clock.now);
  const parsed = parseConfig(env);
  if ('faults' in parsed) {
    telemetry.misconfigured(parsed.faults);
    const named = parsed.faults.map(({ variable }) => variable).join(', ');
    return createFailingRouter(new BrokerError('configuration', `at fault: ${named}`), telemetry);
  }
  const { config } = parsed;
  const broker = connect(env, config, { ...rest, clock, random, observe: telemetry.observe });
  return createRouter({ config, broker, report: telemetry });
}

type Surroundings = Parts & Pick<Ports, 'clock' | 'random' | 'observe'>;

function connect(env: Environment, config: Config, surroundings: Surroundings): Broker {
  const { tokenUrl, accounts: secrets, clientId, tableName, defaultAccount } = config;
  const { clock } = surroundings;
  const { now } = clock;
  const getSecretValue = createGetSecretValue(secretsOptions(env));
  const readCredentials = createCredentialSources({ getSecretValue, secrets, clientId, now });
  const table = createTokenTable(createCallDynamo(dynamoOptions(env)), tableName, surroundings.observe);
  return createBroker({
    ...surroundings,
    tokenUrl,
    login: createLogin({ tokenUrl, now }),
    readCredentials,
    table: readAhead({ table, readCredentials, clock }, defaultAccount, surroundings.onEarlyRead),
  });
}

function readAhead(
  parts: Pick<Ports, 'table' | 'readCredentials' | 'clock'>,
  account: string | undefined,
  onEarlyRead: Parts['onEarlyRead'],
): TokenTable {
  if (onEarlyRead === undefined || account === undefined) {
    return parts.table;
  }
  const early = prefetchItem(parts, account);
  onEarlyRead(early.ended);
  return early;
}

function dynamoOptions(env: Environment): DynamoOptions {
  const { AWS_REGION: region = '', AWS_ENDPOINT_URL_DYNAMODB: endpoint = env.AWS_ENDPOINT_URL } = env;
  return { region, endpoint, keys: () => keysOf(env) };
}

/** Given outright, the SDK need not look for region and credentials. */
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

const earlyReads: Promise<void>[] = [];

/** What Lambda calls: wrapped, and put together once for each execution environment. */
export const handler: Handler = createHandler(process.env, { onEarlyRead: (ended) => earlyReads.push(ended) });

// Waited for within the init: a first call of that account would wait for it anyway, and after the answer to a call that
// does not need it nothing may run on.
await Promise.all(earlyReads);
