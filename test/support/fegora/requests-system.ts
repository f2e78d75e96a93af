// Starts the function for requests with a broker and a small API of Fegora. Used by the tests of the function.

import type { RequestResult } from '../../../infra/requests/function/answer.ts';
import type { RequestsHandler } from '../../../infra/requests/function/requests.ts';
import { createRequests } from '../../../infra/requests/function/requests.ts';
import { type GatewaySystem, startGatewaySystem } from '../client/gateway-system.ts';
import { type FegoraApi, startFegoraApi } from './api.ts';

/** The outcome of one invocation: a result, or the error as Lambda's callers get it. */
export interface Outcome {
  readonly result?: RequestResult;
  /** Name of the error. */
  readonly name?: string;
  /** The message, parsed. */
  readonly error?: Readonly<Record<string, unknown>>;
}

/** The servers, and a function that invokes the handler as Lambda does. */
export interface RequestsSystem {
  readonly broker: GatewaySystem;
  readonly api: FegoraApi;
  readonly handler: RequestsHandler;
  /** By the alias of account `one` and with 60 s by default. */
  readonly request: (
    event: unknown,
    how?: { readonly alias?: string; readonly remainingMs?: number },
  ) => Promise<Outcome>;
  readonly close: () => Promise<void>;
}

/** The environment of the function that the broker's callers have. */
export function requestsEnv({ gateway, callers }: GatewaySystem, origin: string, caller: 'all' | 'first' = 'all') {
  const { accessKeyId, secretAccessKey, sessionToken } = callers[caller];
  return {
    FEGORA_BROKER_FUNCTION: gateway.functionName,
    FEGORA_ORIGIN: origin,
    AWS_ENDPOINT_URL_LAMBDA: gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_LAMBDA_FUNCTION_NAME: 'fegora-requests',
    AWS_LAMBDA_LOG_LEVEL: 'FATAL',
  };
}

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:fegora-requests';

/** Starts everything on loopback. `leastMs` and `reserveMs` are those of the function. */
export async function startRequestsSystem(
  options: { readonly caller?: 'all' | 'first'; readonly leastMs?: number; readonly reserveMs?: number } = {},
): Promise<RequestsSystem> {
  const { caller, ...times } = options;
  const broker = await startGatewaySystem();
  const api = await startFegoraApi(broker.servers.fegora.origin);
  const handler = createRequests({ env: requestsEnv(broker, api.origin, caller), ...times });
  return {
    broker,
    api,
    handler,
    request: (event, { alias = 'account-one', remainingMs = 60_000 } = {}) => {
      const endsAt = performance.now() + remainingMs;
      const invokedFunctionArn = alias === '' ? functionArn : `${functionArn}:${alias}`;
      const getRemainingTimeInMillis = () => endsAt - performance.now();
      return outcomeOf(handler(event, { awsRequestId: 'request-1', invokedFunctionArn, getRemainingTimeInMillis }));
    },
    close: async () => {
      await api.close();
      await broker.close();
    },
  };
}

async function outcomeOf(answer: Promise<RequestResult>): Promise<Outcome> {
  try {
    return { result: await answer };
  } catch (thrown) {
    const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { name, error: Object(JSON.parse(message)) };
  }
}
