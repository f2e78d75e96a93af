import type { InvokeCommandOutput, LambdaClientConfig } from '@aws-sdk/client-lambda';
import { isKeyFault, isOutage, TokenBrokerError } from './errors.ts';
import { type CredentialProvider, keysOf } from './signer.ts';
import { type Answer, type Ask, type Reply, readThrown, readToken } from './token-response.ts';

/** A broker that is invoked as a function, through the alias of one account. */
export interface Invocation {
  /** Name or ARN, without an alias. */
  readonly functionName: string;
  readonly account: string;
  readonly region: string | undefined;
  /** The SDK's own chain where absent. */
  readonly credentials: CredentialProvider | undefined;
}

/**
 * Asks by direct invocation. The SDK's Lambda client is loaded with the first question, by these callers alone; and it
 * is made anew for each, because it would keep its first keys, and connections that are dead when a frozen function thaws.
 */
export function byInvocation({ functionName, account, region, credentials }: Invocation): Ask {
  const config: LambdaClientConfig = {
    retryStrategy: onceMoreForTheClock,
    ...(region !== undefined && { region }),
    ...(credentials !== undefined && { credentials: () => keysOf(credentials) }),
  };
  // AWS's clock minus ours, once a signature was refused. Milliseconds.
  let systemClockOffset = 0;

  return async (question, signal) => {
    const { InvokeCommand, LambdaClient } = await load();
    const lambda = new LambdaClient({ ...config, systemClockOffset });
    const payload = { Qualifier: `account-${account}`, Payload: JSON.stringify(question) };
    const command = new InvokeCommand({ FunctionName: functionName, ...payload });
    try {
      return read(await lambda.send(command, { abortSignal: signal }), account);
    } catch (failure) {
      signal.throwIfAborted();
      throw failure instanceof TokenBrokerError ? failure : refused(failure);
    } finally {
      ({ systemClockOffset } = lambda.config);
      lambda.destroy();
    }
  };
}

function load() {
  return import('@aws-sdk/client-lambda').catch((cause: unknown) => {
    throw new TokenBrokerError('unexpected_answer', 'The package @aws-sdk/client-lambda cannot be loaded.', { cause });
  });
}

/**
 * A signature that AWS refuses is made once more, by AWS's clock. Nothing else is repeated here: the client knows what
 * may be, and a question that broke off may have started a login.
 */
const onceMoreForTheClock: NonNullable<Exclude<LambdaClientConfig['retryStrategy'], undefined>> = {
  acquireInitialRetryToken: async () => turn(0),
  refreshRetryTokenForRetry: async (last, { error }) => {
    if (last.getRetryCount() > 0 || error?.name !== 'InvalidSignatureException') {
      throw error ?? new Error('not repeated');
    }
    return turn(1);
  },
  recordSuccess: () => {},
};

function turn(count: number) {
  return { getRetryCount: () => count, getRetryDelay: () => 0, getRetryCost: () => 0 };
}

function read(output: InvokeCommandOutput, account: string): Answer {
  const reply: Reply = { body: output.Payload?.transformToString() ?? '', requestId: output.$metadata.requestId };
  if (output.FunctionError === undefined) {
    return readToken(reply, account);
  }
  throw readThrown(reply);
}

/** What it means when Lambda itself refuses, or nobody answers. */
function refused(cause: unknown): TokenBrokerError {
  const name = cause instanceof Error ? cause.name : '';
  if (isKeyFault(name)) {
    // Where AWS refuses, its message may repeat all that was signed, the session token included.
    const told = name === 'CredentialsProviderError' ? { cause } : {};
    return new TokenBrokerError('aws_credentials', 'There are no AWS credentials, or none that are valid.', told);
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
