// The transport by direct invocation: invokes the broker's alias through Lambda's API. Called by index.ts.
import { awsRefusalOf, type SignedRequest } from './aws-refusal.ts';
import { TokenBrokerError } from './errors.ts';
import type { HttpResponse } from './https.ts';
import type { ProxyVariables } from './proxy.ts';
import { createSignedPost, errorType, requestIdOf } from './signed-post.ts';
import type { CredentialProvider } from './signer.ts';
import {
  parseFunctionError,
  parseTokenResponse,
  type RawResponse,
  type TokenResponse,
  type Transport,
} from './token-response.ts';

/** A function in a region, and who invokes it. */
export interface FunctionConfig {
  /** Lambda's API in the broker's region. */
  readonly endpoint: URL;
  readonly region: string;
  /** Name or ARN, without an alias. */
  readonly functionName: string;
  readonly credentials: CredentialProvider;
  /** The variables that may name a proxy. */
  readonly env: ProxyVariables;
}

/** A broker that is invoked as a function, through the alias of one account. */
export interface InvokeConfig extends FunctionConfig {
  readonly account: string;
}

/**
 * Returns a transport that invokes the account's alias and waits for its result.
 *
 * @param now epoch milliseconds
 */
export function invokeTransport({ account, ...config }: InvokeConfig, now: () => number): Transport {
  const alias = `account-${account}`;
  const invoke = invokePost({ ...config, alias }, now);
  const { region, endpoint: url } = config;
  const asked: SignedRequest = { service: 'lambda', region, url, resource: `the alias ${alias}`, grant: 'grantInvoke' };

  return async (request, signal) => parse(await invoke(JSON.stringify(request), signal), asked, account);
}

/**
 * Returns a function that invokes one alias with a payload, and returns the response of Lambda's API.
 *
 * @param now epoch milliseconds
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function invokePost(
  { endpoint, region, functionName, alias, credentials, env }: FunctionConfig & { readonly alias: string },
  now: () => number,
): (payload: string, signal: AbortSignal) => Promise<HttpResponse> {
  const url = new URL(endpoint);
  const base = url.pathname.replace(/\/+$/, '');
  url.pathname = `${base}/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
  url.search = `?${new URLSearchParams({ Qualifier: alias })}`;
  const headers = { 'content-type': 'application/json' };
  const send = createSignedPost({ service: 'lambda', region, credentials, env }, now);

  return (body, signal) => send({ url, headers, body }, signal);
}

/** @throws TokenBrokerError for every response except a token response */
function parse(response: HttpResponse, asked: SignedRequest, account: string): TokenResponse {
  const requestId = requestIdOf(response);
  if (response.status !== 200) {
    throw awsRefusalOf(response, asked) ?? failureOf(response.status, errorType(response), requestId);
  }
  const raw: RawResponse = { body: response.body, requestId };
  if (response.headers['x-amz-function-error'] === undefined) {
    return parseTokenResponse(raw, account);
  }
  throw parseFunctionError(raw);
}

/** Converts another error of Lambda's API. */
function failureOf(status: number, name: string, requestId: string | undefined): TokenBrokerError {
  switch (name) {
    case 'ResourceNotFoundException':
      return new TokenBrokerError('unknown_account', 'No such function, or no alias for this account.', { requestId });
    case 'TooManyRequestsException':
      return new TokenBrokerError('throttled', 'Lambda throttles the broker.', { requestId, retryable: true });
    default:
      return status >= 500
        ? new TokenBrokerError('broker_unreachable', 'Lambda fails now.', { requestId, retryable: true })
        : new TokenBrokerError('unexpected_answer', `The broker cannot be invoked: ${nameOrStatus(name, status)}.`, {
            requestId,
          });
  }
}

function nameOrStatus(name: string, status: number): string {
  return /^\w{1,64}$/.test(name) ? name : `status ${status}`;
}
