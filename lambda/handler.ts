import { setTimeout } from 'node:timers/promises';
import { type Broker, createBroker } from './broker.ts';
import { type Config, type Environment, parseConfig } from './config.ts';
import { createCredentialSource, createGetSecretValue } from './credentials.ts';
import { createCallDynamo } from './dynamo.ts';
import { BrokerError } from './errors.ts';
import { createEdge, createFailingEdge, type Handler } from './events/edge.ts';
import { createLogin } from './fegora.ts';
import type { Clock, Observe } from './ports.ts';
import { createTelemetry } from './telemetry.ts';
import { createTokenTable } from './token-table.ts';

/** What a test may put in the place of time and chance. */
export interface Parts {
  /** @default the system's */
  readonly clock?: Clock;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
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
export function createHandler(env: Environment, { clock = systemClock, random = Math.random }: Parts = {}): Handler {
  const telemetry = createTelemetry(env.AWS_LAMBDA_FUNCTION_NAME ?? 'fegora-token-broker');
  const parsed = parseConfig(env);
  if ('faults' in parsed) {
    telemetry.misconfigured(parsed.faults);
    const named = parsed.faults.map(({ variable }) => variable).join(', ');
    return createFailingEdge(new BrokerError('configuration', `at fault: ${named}`), telemetry);
  }
  const { config } = parsed;
  const broker = connect(env, config, { clock, random, observe: telemetry.observe });
  return createEdge({ config, broker, report: telemetry, now: clock.now });
}

interface Surroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly observe: Observe;
}

function connect(env: Environment, config: Config, surroundings: Surroundings): Broker {
  const { tokenUrl, withoutTable, accounts: secrets, clientId, tableName } = config;
  const { now } = surroundings.clock;
  const getSecretValue = createGetSecretValue(sdkConfig(env, 'SECRETS_MANAGER'));
  return createBroker({
    ...surroundings,
    tokenUrl,
    withoutTable,
    login: createLogin({ tokenUrl, now }),
    readCredentials: createCredentialSource({ getSecretValue, secrets, clientId, now }),
    table: createTokenTable(createCallDynamo(sdkConfig(env, 'DYNAMODB')), tableName, surroundings.observe),
  });
}

/** Lambda hands region and credentials over in the environment: given outright, the SDK need not look for them. */
function sdkConfig(env: Environment, service: 'DYNAMODB' | 'SECRETS_MANAGER') {
  const endpoint = env[`AWS_ENDPOINT_URL_${service}`] ?? env.AWS_ENDPOINT_URL;
  const { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const { AWS_SESSION_TOKEN: sessionToken } = env;
  const credentials = accessKeyId !== undefined && secretAccessKey !== undefined && { accessKeyId, secretAccessKey };
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials: { ...credentials, ...(sessionToken !== undefined && { sessionToken }) } }),
  };
}

export const handler: Handler = createHandler(process.env);
