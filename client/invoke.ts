// The transport by direct invocation: invokes the broker's alias with the SDK's Lambda client. Called by index.ts.
import type { InvokeCommandOutput, LambdaClientConfig } from '@aws-sdk/client-lambda';
import { isCredentialsError, isOutage, TokenBrokerError } from './errors.ts';
import { type CredentialProvider, keysOf } from './signer.ts';
import {
  parseFunctionError,
  parseTokenResponse,
  type RawResponse,
  type TokenResponse,
  type Transport,
} from './token-response.ts';

/** A broker that is invoked as a function, through the alias of one account. */
export interface InvokeConfig {
  /** Name or ARN, without an alias. */
  readonly functionName: string;
  readonly account: string;
  readonly region: string | undefined;
  /** Undefined for the SDK's own chain. */
  readonly credentials: CredentialProvider | undefined;
}

/**
 * Returns a transport that invokes the function directly. The first request loads the SDK's Lambda client, so other
 * callers do not need it. Each request gets a new Lambda client: a kept one would keep its first keys, and connections
 * that are dead after Lambda freezes the caller's function.
 */
export function invokeTransport({ functionName, account, region, credentials }: InvokeConfig): Transport {
  const config: LambdaClientConfig = {
    retryStrategy: onceMoreForTheClock,
    ...(region !== undefined && { region }),
    ...(credentials !== undefined && { credentials: () => keysOf(credentials) }),
  };
  // AWS's clock minus this machine's clock, known after a refused signature. Milliseconds.
  let systemClockOffset = 0;

  return async (request, signal) => {
    const { InvokeCommand, LambdaClient } = await loadSdk();
    const lambda = new LambdaClient({ ...config, systemClockOffset });
    const payload = { Qualifier: `account-${account}`, Payload: JSON.stringify(request) };
    const command = new InvokeCommand({ FunctionName: functionName, ...payload });
    try {
      return parse(await lambda.send(command, { abortSignal: signal }), account);
    } catch (failure) {
      signal.throwIfAborted();
      throw failure instanceof TokenBrokerError ? failure : fromLambdaError(failure);
    } finally {
      ({ systemClockOffset } = lambda.config);
      lambda.destroy();
    }
  };
}

function loadSdk() {
  return import('@aws-sdk/client-lambda').catch((cause: unknown) => {
    const text = 'The package @aws-sdk/client-lambda cannot be loaded. Install it, or use the API’s endpoint.';
    throw new TokenBrokerError('unexpected_answer', text, { cause });
  });
}

/**
 * Repeats a request only if AWS refused its signature: the SDK then signs by AWS's clock. All other retries are up to
 * retry.ts, because a request that broke off may have started a login.
 */
const onceMoreForTheClock: NonNullable<Exclude<LambdaClientConfig['retryStrategy'], undefined>> = {
  acquireInitialRetryToken: async () => retryToken(0),
  refreshRetryTokenForRetry: async (last, { error }) => {
    if (last.getRetryCount() > 0 || error?.name !== 'InvalidSignatureException') {
      throw error ?? new Error('not repeated');
    }
    return retryToken(1);
  },
  recordSuccess: () => {},
};

function retryToken(count: number) {
  return { getRetryCount: () => count, getRetryDelay: () => 0, getRetryCost: () => 0 };
}

/** @throws TokenBrokerError for every response except a token response */
function parse(output: InvokeCommandOutput, account: string): TokenResponse {
  const raw: RawResponse = { body: output.Payload?.transformToString() ?? '', requestId: output.$metadata.requestId };
  if (output.FunctionError === undefined) {
    return parseTokenResponse(raw, account);
  }
  throw parseFunctionError(raw);
}

/** Converts an error of the Lambda API or of the network. */
function fromLambdaError(cause: unknown): TokenBrokerError {
  const name = cause instanceof Error ? cause.name : '';
  if (isCredentialsError(name)) {
    // A message of AWS may repeat everything that was signed, also the session token, so it is not kept as the cause.
    const details = name === 'CredentialsProviderError' ? { cause } : {};
    const text = 'There are no AWS credentials, or AWS does not accept them. Check the keys and the region.';
    return new TokenBrokerError('aws_credentials', text, details);
  }
  switch (name) {
    case 'AccessDeniedException':
      return new TokenBrokerError('forbidden', 'The caller may not invoke this alias of the broker.', { cause });
    case 'ResourceNotFoundException':
      return new TokenBrokerError('unknown_account', 'No such function, or no alias for this account.', { cause });
    case 'TooManyRequestsException':
      return new TokenBrokerError('throttled', 'Lambda throttles the broker.', { cause, retryable: true });
    default:
      return isOutage(cause)
        ? new TokenBrokerError('broker_unreachable', 'The broker cannot be invoked now.', { cause, retryable: true })
        : new TokenBrokerError('unexpected_answer', 'The broker cannot be invoked.', { cause });
  }
}
