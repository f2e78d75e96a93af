// The transport through API Gateway: builds the request and parses the response. Called by index.ts.
import { isCredentialsError, TokenBrokerError } from './errors.ts';
import type { HttpResponse } from './https.ts';
import { createSignedPost, errorType, requestIdOf } from './signed-post.ts';
import type { CredentialProvider } from './signer.ts';
import {
  parseErrorResponse,
  parseTokenResponse,
  type RawResponse,
  type TokenResponse,
  type Transport,
} from './token-response.ts';

/** A broker behind an API Gateway REST API with IAM authorisation. */
export interface GatewayConfig {
  /** The stage's URL, without `/token`. */
  readonly endpoint: URL;
  readonly region: string;
  /** Undefined for the broker's default account. */
  readonly account: string | undefined;
  readonly credentials: CredentialProvider;
}

/**
 * Returns a transport that sends requests through API Gateway, signed with the caller's AWS keys.
 *
 * @param now epoch milliseconds
 */
export function gatewayTransport(
  { endpoint, region, account, credentials }: GatewayConfig,
  now: () => number,
): Transport {
  const url = tokenUrl(endpoint, account);
  const headers = { 'content-type': 'application/json' };
  const send = createSignedPost({ service: 'execute-api', region, credentials }, now);

  return async (request, signal) => parse(await send({ url, headers, body: JSON.stringify(request) }, signal), account);
}

function tokenUrl(endpoint: URL, account: string | undefined): URL {
  const url = new URL(endpoint);
  const stage = url.pathname.replace(/\/+$/, '');
  url.pathname = account === undefined ? `${stage}/token` : `${stage}/token/${encodeURIComponent(account)}`;
  url.search = '';
  return url;
}

/** @throws TokenBrokerError for every response except a token response */
function parse(response: HttpResponse, account: string | undefined): TokenResponse {
  const raw: RawResponse = {
    body: response.body,
    status: response.status,
    retryAfter: response.headers['retry-after'],
    requestId: requestIdOf(response),
  };
  if (errorType(response) === 'MissingAuthenticationTokenException') {
    // API Gateway also answers this to a signed request whose path it does not know.
    const text = 'No token broker is at this path of the endpoint. Set the endpoint to the stage’s URL.';
    throw new TokenBrokerError('unexpected_answer', text, { requestId: raw.requestId });
  }
  if (isCredentialsError(errorType(response))) {
    const text = 'AWS does not accept the AWS credentials, or their signature. Check the keys and the region.';
    throw new TokenBrokerError('aws_credentials', text, { requestId: raw.requestId });
  }
  if (response.status !== 200) {
    throw parseErrorResponse(raw);
  }
  return parseTokenResponse(raw, account);
}
