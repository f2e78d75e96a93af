import type { InvokeCommandOutput, LambdaClientConfig } from '@aws-sdk/client-lambda';
import { type Answer, type Ask, type Reply, readThrown, readToken } from './answer.ts';
import { TokenBrokerError } from './errors.ts';
import type { CredentialProvider } from './signer.ts';

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
    ...(region !== undefined && { region }),
    ...(credentials !== undefined && { credentials: defined(credentials) }),
  };
  return async (question, signal) => {
    const { InvokeCommand, LambdaClient } = await load();
    const lambda = new LambdaClient(config);
    const payload = { Qualifier: `account-${account}`, Payload: JSON.stringify(question) };
    const command = new InvokeCommand({ FunctionName: functionName, ...payload });
    try {
      return read(await lambda.send(command, { abortSignal: signal }));
    } catch (failure) {
      signal.throwIfAborted();
      throw failure instanceof TokenBrokerError ? failure : refused(failure);
    } finally {
      lambda.destroy();
    }
  };
}

function load() {
  return import('@aws-sdk/client-lambda').catch((cause: unknown) => {
    throw new TokenBrokerError('unexpected_answer', 'The package @aws-sdk/client-lambda cannot be loaded.', { cause });
  });
}

/** The SDK's type knows no `sessionToken: undefined`. */
function defined(provider: CredentialProvider) {
  return async () => {
    const { sessionToken, ...keys } = await provider();
    return sessionToken === undefined ? keys : { ...keys, sessionToken };
  };
}

function read(output: InvokeCommandOutput): Answer {
  const reply: Reply = { body: output.Payload?.transformToString() ?? '', requestId: output.$metadata.requestId };
  if (output.FunctionError === undefined) {
    return readToken(reply);
  }
  throw readThrown(reply);
}

/** What it means when Lambda itself refuses, or nobody answers. */
function refused(cause: unknown): TokenBrokerError {
  switch (cause instanceof Error ? cause.name : '') {
    case 'AccessDeniedException':
      return new TokenBrokerError('forbidden', 'The caller may not invoke this alias of the broker.', { cause });
    case 'ResourceNotFoundException':
      return new TokenBrokerError('unknown_account', 'No such function, or no alias for this account.', { cause });
    case 'TooManyRequestsException':
      return new TokenBrokerError('throttled', 'Lambda throttles the broker.', { cause, retryable: true });
    case 'CredentialsProviderError':
    case 'ExpiredTokenException':
    case 'UnrecognizedClientException':
      return new TokenBrokerError('aws_credentials', 'There are no AWS credentials, or none that are valid.', {
        cause,
      });
    default:
      return isOutage(cause)
        ? new TokenBrokerError('broker_unreachable', 'The broker cannot be invoked now.', { cause, retryable: true })
        : new TokenBrokerError('unexpected_answer', 'The broker cannot be invoked.', { cause });
  }
}

/** A failure of the network (it has a system error's code) or of the service, as the SDK tells them. */
function isOutage(cause: unknown): boolean {
  const isObject = typeof cause === 'object' && cause !== null;
  return isObject && ('code' in cause || ('$fault' in cause && cause.$fault === 'server'));
}
