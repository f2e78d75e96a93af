// The transport through API Gateway: builds, signs and sends the request, and parses the response. Called by index.ts.
import { isCredentialsError, TokenBrokerError } from './errors.ts';
import { type HttpResponse, post } from './https.ts';
import { type CredentialProvider, keysOf, signer } from './signer.ts';
import { unlessAborted } from './single-flight.ts';
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
 * Returns a transport that sends requests through API Gateway, signed with the caller's AWS keys. If AWS refuses a
 * signature, the transport signs once more by AWS's clock, and keeps the difference between the clocks.
 *
 * @param now epoch milliseconds
 */
export function gatewayTransport(config: GatewayConfig, now: () => number): Transport {
  const { endpoint, region, account, credentials } = config;
  const url = tokenUrl(endpoint, account);
  const sign = signer(region);
  // AWS's clock minus this machine's clock, known after a refused signature. Milliseconds.
  let clockOffsetMs = 0;

  async function send(body: string, signal: AbortSignal): Promise<HttpResponse> {
    const keys = await unlessAborted(keysOf(credentials), signal);
    const request = { url, headers: { 'content-type': 'application/json' }, body };
    return post(await sign(request, keys, now() + clockOffsetMs), signal);
  }

  return async (request, signal) => {
    const body = JSON.stringify(request);
    const first = await send(body, signal);
    if (!isSignatureRefused(first)) {
      return parse(first, account);
    }
    clockOffsetMs = clockOffset(first, now());
    return parse(await send(body, signal), account);
  };
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
  const requestId = response.headers['x-amzn-requestid'];
  const raw: RawResponse = {
    body: response.body,
    status: response.status,
    retryAfter: response.headers['retry-after'],
    requestId: typeof requestId === 'string' ? requestId : undefined,
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

/** AWS refuses a signature if the clock is more than 5 minutes wrong, or if the keys rotated in the meantime. */
function isSignatureRefused(response: HttpResponse): boolean {
  return errorType(response) === 'InvalidSignatureException';
}

/** The name of the error if AWS itself refused. A colon and a URL may follow the name in the header. */
function errorType({ headers }: HttpResponse): string {
  const type = headers['x-amzn-errortype'];
  return typeof type === 'string' ? type.replace(/:.*$/, '') : '';
}

function clockOffset({ headers }: HttpResponse, now: number): number {
  const serverTime = Date.parse(headers.date ?? '');
  return Number.isNaN(serverTime) ? 0 : serverTime - now;
}
