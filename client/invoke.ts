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

type Invoke = (payload: string, signal: AbortSignal) => Promise<InvokeCommandOutput>;

/** Asks by direct invocation. The SDK's Lambda client is loaded with the first question, by these callers alone. */
export function byInvocation(broker: Invocation): Ask {
  let loading: Promise<Invoke> | undefined;

  return async (question, signal) => {
    loading ??= load(broker);
    const invoke = await loading.catch((cause: unknown) => {
      loading = undefined;
      throw new TokenBrokerError('unexpected_answer', 'The package @aws-sdk/client-lambda cannot be loaded.', {
        cause,
      });
    });
    const output = await invoke(JSON.stringify(question), signal).catch((failure: unknown) => {
      signal.throwIfAborted();
      throw refused(failure);
    });
    return read(output);
  };
}

async function load({ functionName, account, region, credentials }: Invocation): Promise<Invoke> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const config: LambdaClientConfig = {
    ...(region !== undefined && { region }),
    ...(credentials !== undefined && { credentials: plain(credentials) }),
  };
  const lambda = new LambdaClient(config);
  const target = { FunctionName: functionName, Qualifier: `account-${account}` };
  return (payload, abortSignal) => lambda.send(new InvokeCommand({ ...target, Payload: payload }), { abortSignal });
}

/** The SDK's type knows no `sessionToken: undefined`. */
function plain(provider: CredentialProvider) {
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

/** What it means when Lambda itself refuses. */
function refused(failure: unknown): TokenBrokerError {
  const name = failure instanceof Error ? failure.name : '';
  const details = { cause: failure };
  switch (name) {
    case 'AccessDeniedException':
      return new TokenBrokerError('forbidden', 'The caller may not invoke this alias of the broker.', details);
    case 'ResourceNotFoundException':
      return new TokenBrokerError('unknown_account', 'No such function, or no alias for this account.', details);
    case 'TooManyRequestsException':
      return new TokenBrokerError('throttled', 'Lambda throttles the broker.', { ...details, retryable: true });
    case 'CredentialsProviderError':
    case 'ExpiredTokenException':
    case 'UnrecognizedClientException':
      return new TokenBrokerError('aws_credentials', 'There are no AWS credentials, or none that are valid.', details);
    default:
      return new TokenBrokerError('broker_unreachable', 'The broker cannot be invoked.', {
        ...details,
        retryable: true,
      });
  }
}
