// The transport through API Gateway: builds the request and parses the response. Called by index.ts.
import { awsRefusalOf, type SignedRequest } from './aws-refusal.ts';
import type { HttpResponse } from './https.ts';
import type { ProxyVariables } from './proxy.ts';
import { createSignedPost, requestIdOf } from './signed-post.ts';
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
  /** The variables that may name a proxy. */
  readonly env: ProxyVariables;
}

/**
 * Returns a transport that sends requests through API Gateway, signed with the caller's AWS keys.
 *
 * @param now epoch milliseconds
 */
export function gatewayTransport(
  { endpoint, region, account, credentials, env }: GatewayConfig,
  now: () => number,
): Transport {
  const url = tokenUrl(endpoint, account);
  const headers = { 'content-type': 'application/json' };
  const send = createSignedPost({ service: 'execute-api', region, credentials, env }, now);
  const resource = `POST ${url.pathname}`;
  const asked: SignedRequest = { service: 'execute-api', region, url, resource, grant: 'grantToken' };

  return async (request, signal) => {
    const response = await send({ url, headers, body: JSON.stringify(request) }, signal);
    return parse(response, asked, account);
  };
}

/** Returns the URL of the account, or of the default account. */
export function tokenUrl(endpoint: URL, account: string | undefined): URL {
  const url = new URL(endpoint);
  const stage = url.pathname.replace(/\/+$/, '');
  url.pathname = account === undefined ? `${stage}/token` : `${stage}/token/${encodeURIComponent(account)}`;
  url.search = '';
  return url;
}

/** @throws TokenBrokerError for every response except a token response */
function parse(response: HttpResponse, asked: SignedRequest, account: string | undefined): TokenResponse {
  const raw: RawResponse = {
    body: response.body,
    status: response.status,
    retryAfter: response.headers['retry-after'],
    requestId: requestIdOf(response),
  };
  if (response.status !== 200) {
    throw awsRefusalOf(response, asked) ?? parseErrorResponse(raw);
  }
  return parseTokenResponse(raw, account);
}
