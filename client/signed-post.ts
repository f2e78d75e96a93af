// Sends a signed POST, once more by AWS's clock if AWS refuses the signature. Called by gateway.ts and invoke.ts.
import { type HttpRequest, type HttpResponse, post } from './https.ts';
import type { ProxyVariables } from './proxy.ts';
import { type CredentialProvider, keysOf, type SignedService, signer } from './signer.ts';
import { unlessAborted } from './single-flight.ts';

/** What signatures are made for and with. */
export interface SigningConfig {
  readonly service: SignedService;
  readonly region: string;
  readonly credentials: CredentialProvider;
  /** The variables that may name a proxy. */
  readonly env: ProxyVariables;
}

/**
 * Signs and sends one request, and returns the response whatever its status.
 *
 * @throws TokenBrokerError `aws_credentials` if there are no keys, and what `post` throws
 */
export type SignedPost = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

/**
 * Returns a function that sends signed requests. It keeps the difference between the clocks, but no connection. It repeats
 * a request only if AWS refused its signature: an order of an operator must not be sent twice. retry.ts repeats requests for
 * tokens.
 *
 * @param now epoch milliseconds
 */
export function createSignedPost({ service, region, credentials, env }: SigningConfig, now: () => number): SignedPost {
  const sign = signer(service, region);
  // AWS's clock minus this machine's clock, known after a refused signature. Milliseconds.
  let clockOffsetMs = 0;

  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const keys = await unlessAborted(keysOf(credentials), signal);
    return post(await sign(request, keys, now() + clockOffsetMs), signal, env);
  }

  return async (request, signal) => {
    const first = await send(request, signal);
    if (!isSignatureRefused(first)) {
      return first;
    }
    clockOffsetMs = clockOffset(first, now());
    return send(request, signal);
  };
}

/** The name of the error if AWS itself refused, otherwise empty. A colon and a URL may follow the name in the header. */
export function errorType({ headers }: HttpResponse): string {
  const type = headers['x-amzn-errortype'];
  return typeof type === 'string' ? type.replace(/:.*$/, '') : '';
}

/** AWS's id of the request. */
export function requestIdOf({ headers }: HttpResponse): string | undefined {
  const requestId = headers['x-amzn-requestid'];
  return typeof requestId === 'string' ? requestId : undefined;
}

/** AWS refuses a signature if the clock is more than 5 minutes wrong, or if the keys rotated in the meantime. */
function isSignatureRefused(response: HttpResponse): boolean {
  return errorType(response) === 'InvalidSignatureException';
}

function clockOffset({ headers }: HttpResponse, now: number): number {
  const serverTime = Date.parse(headers.date ?? '');
  return Number.isNaN(serverTime) ? 0 : serverTime - now;
}
