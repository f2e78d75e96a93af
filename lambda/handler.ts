import { setTimeout } from 'node:timers/promises';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { type Broker, createBroker } from './broker.ts';
import { type Config, type Environment, parseConfig } from './config.ts';
import { createCredentialSource, createGetSecretValue } from './credentials.ts';
import { createCallDynamo } from './dynamo.ts';
import { asBrokerError, BrokerError } from './errors.ts';
import { createAdmin } from './events/admin.ts';
import { type Call, callOf, type Invocation, type Serve } from './events/call.ts';
import { createHttp, httpFailure } from './events/http.ts';
import { createInvoke, thrownFailure } from './events/invoke.ts';
import { createIssue } from './events/token-request.ts';
import { createWarmup } from './events/warmup.ts';
import { createLogin } from './fegora.ts';
import type { Clock } from './ports.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';
import { createTokenTable } from './token-table.ts';

/** What a test may put in the place of time and chance. */
export interface Parts {
  /** @default the system's */
  readonly clock?: Clock;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** What Lambda calls. Rejects with errors of the contract alone. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** Kept for a last answer when the one asked for does not come. Milliseconds. */
const lastAnswerMs = 150;

const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }).catch(() => {}),
};

/**
 * Puts the function of one environment together. Never throws: where the configuration is at fault, every call is
 * answered `configuration`, and the log says which variable; an init that throws would answer 502 without a word.
 */
export function createHandler(env: Environment, { clock = systemClock, random = Math.random }: Parts = {}): Handler {
  const telemetry = createTelemetry(env.AWS_LAMBDA_FUNCTION_NAME ?? 'fegora-token-broker');
  const parsed = parseConfig(env);
  if ('faults' in parsed) {
    telemetry.misconfigured(parsed.faults);
    const named = parsed.faults.map(({ variable }) => variable).join(', ');
    return wrap(() => Promise.reject(new BrokerError('configuration', `at fault: ${named}`)), telemetry, undefined);
  }
  const { config } = parsed;
  const broker = createBroker({
    clock,
    random,
    observe: telemetry.observe,
    tokenUrl: config.tokenUrl,
    withoutTable: config.withoutTable,
    login: createLogin({ tokenUrl: config.tokenUrl, now: clock.now }),
    readCredentials: createCredentialSource({
      getSecretValue: createGetSecretValue(sdkConfig(env, 'SECRETS_MANAGER')),
      secrets: config.accounts,
      clientId: config.clientId,
      now: clock.now,
    }),
    table: createTokenTable(createCallDynamo(sdkConfig(env, 'DYNAMODB')), config.tableName, telemetry.observe),
  });
  return wrap(route(config, broker, telemetry, clock.now), telemetry, config.defaultAccount);
}

/** One route for each authority that an alias can stand for. */
function route(config: Config, broker: Broker, report: Telemetry, now: () => number): Serve {
  const { accounts, defaultAccount } = config;
  const issue = createIssue({ broker, isConfigured: (account) => accounts.has(account), report, now });
  const routes: Readonly<Record<Call['authority'], Serve>> = {
    http: createHttp(issue, defaultAccount),
    account: createInvoke(issue),
    warmup: createWarmup({ broker, accounts, report }),
    admin: createAdmin({ broker, accounts: [...accounts.keys()], report }),
    none: () => Promise.reject(new BrokerError('forbidden', 'called through no alias that allows anything')),
  };
  return (event, call, remaining) => routes[call.authority](event, call, remaining);
}

function wrap(serve: Serve, telemetry: Telemetry, defaultAccount: string | undefined): Handler {
  const describe = (event: unknown, context: Invocation) => callOf(event, context, defaultAccount);
  const serveInTime = (event: unknown, context: Context) =>
    serve(event, describe(event, context), () => context.getRemainingTimeInMillis());
  return middy<unknown, unknown, Error, Context>(serveInTime, {
    timeoutEarlyInMillis: lastAnswerMs,
    timeoutEarlyResponse: () => {
      throw new BrokerError('deadline', 'no answer before the time-out');
    },
  }).use(answerFailures(describe, telemetry));
}

/** Whatever goes wrong is reported and answered in the form of the contract, by the alias: an HTTP answer, or an error. */
function answerFailures(
  describe: (event: unknown, context: Invocation) => Call,
  telemetry: Telemetry,
): middy.MiddlewareObj<unknown, unknown, Error, Context> {
  return {
    onError: (request) => {
      const call = describe(request.event, request.context);
      const error = asBrokerError(request.error);
      telemetry.failed(call, error);
      if (call.authority === 'http') {
        request.response = httpFailure(error, call.requestId);
      } else {
        // middy throws what stands here, and would hang the original on an error that this function throws itself.
        request.error = thrownFailure(error, call.requestId);
      }
    },
  };
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
