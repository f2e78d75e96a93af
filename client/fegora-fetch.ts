// The `fetch` for Fegora's API: adds the token, and repeats a request once after a 401. Called by index.ts.
import { parseEndpoint } from './endpoint.ts';
import { TokenBrokerError } from './errors.ts';
import type { AccessToken } from './token-cache.ts';
import type { TokenClient } from './token-client.ts';

/** Options of `createFegoraFetch`. */
export interface FegoraOptions {
  /**
   * The only origin that the token is sent to. Only loopback addresses may use http.
   *
   * @default https://api.fegora.com
   */
  readonly origin?: string | URL;
}

/**
 * `fetch`, with the bearer token added.
 *
 * - A path is resolved against the origin. A request to any other origin throws a TypeError before anything is sent.
 * - Redirects are not followed. The result is the 3xx response, so the token and the body reach no other server.
 *   `redirect: 'error'` still works.
 * - Each request uses a new connection, unless it has a header `connection`. Lambda freezes a function between
 *   invocations, and a kept connection is dead after the freeze: if an invoice is sent on it, the caller cannot know
 *   whether the invoice arrived.
 * - Node's `fetch` uses the proxy of `HTTPS_PROXY` only if the process was started with `NODE_USE_ENV_PROXY=1`.
 * - After a 401, the token is reported to the broker, and the request is repeated once with the new token. It is not
 *   repeated if its body can be read only once (a stream, an iterator, a `Request` with a body), or if the broker has no
 *   other token: the result is then the first 401. A second 401 is the result too. After that, the token of this 401 is
 *   not reported again for a minute, or for a shorter time that the broker named.
 *
 * @throws TypeError for another origin, or for a `Request` as `init`
 * @throws TokenBrokerError if there is no token for the first attempt
 * @throws the signal's reason when the signal aborts, and everything that `fetch` throws
 */
export type FegoraFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * How long a token is not reported again. If the new token gets a 401 too, the path or the user is the problem, not the
 * token.
 */
const reportCooldownMs = 60_000;
/** The same, if the broker may soon have another token but did not say when. */
const shortReportCooldownMs = 5_000;

/**
 * Returns the fetch.
 *
 * @param now epoch milliseconds
 * @see FegoraFetch
 * @throws TypeError for an origin that is neither https nor loopback, or that has a path
 */
export function fegoraFetch(
  tokens: TokenClient,
  fetch: typeof globalThis.fetch,
  options: FegoraOptions,
  now: () => number,
): FegoraFetch {
  const { origin, pathname } = parseEndpoint(String(options.origin ?? 'https://api.fegora.com'), 'origin');
  if (pathname !== '/') {
    throw new TypeError(`origin: the URL has a path. Pass ${origin}, and the whole path with each request`);
  }
  let cooldown: { readonly fingerprint: string; readonly until: number } | undefined;

  const startCooldown = ({ fingerprint }: AccessToken, ms: number) => {
    cooldown = { fingerprint, until: now() + ms };
  };
  const isCoolingDown = ({ fingerprint }: AccessToken) =>
    fingerprint === cooldown?.fingerprint && now() < cooldown.until;

  /** Returns another token than the rejected one, or undefined: the caller then gets the 401 as the result. */
  async function replacement(rejected: AccessToken, signal: AbortSignal | undefined): Promise<AccessToken | undefined> {
    try {
      const token = await tokens.getToken({ rejected: rejected.fingerprint, signal });
      if (token.fingerprint !== rejected.fingerprint) {
        return token;
      }
      startCooldown(rejected, reportCooldownMs);
    } catch (failure) {
      signal?.throwIfAborted();
      startCooldown(rejected, cooldownAfter(failure));
    }
    return undefined;
  }

  return async (input, init = {}) => {
    const request = target(input, init, origin);
    const signal = (init.signal === undefined && input instanceof Request ? input.signal : init.signal) ?? undefined;
    const send = (bearer: AccessToken) => fetch(request, withToken(input, init, bearer));

    const token = await tokens.getToken({ signal });
    const response = await send(token);
    if (response.status !== 401 || isCoolingDown(token)) {
      return response;
    }
    const other = await replacement(token, signal);
    if (other === undefined || !isReplayable(input, init)) {
      return response;
    }
    // The body of the first response is not used, so an error of that body does not matter.
    await response.body?.cancel().catch(() => {});
    const second = await send(other);
    if (second.status === 401) {
      startCooldown(other, reportCooldownMs);
    }
    return second;
  };
}

/** @throws TypeError for a URL of another origin, and for a `Request` as `init`: its method and body would be lost */
function target(input: string | URL | Request, init: RequestInit, origin: string): URL | Request {
  if (init instanceof Request) {
    throw new TypeError('init: a Request. Pass a Request as the first argument');
  }
  const url = new URL(input instanceof Request ? input.url : input, origin);
  if (url.origin !== origin) {
    throw new TypeError(`the token goes to ${origin} only`);
  }
  return input instanceof Request ? input : url;
}

function withToken(input: string | URL | Request, init: RequestInit, { accessToken }: AccessToken): RequestInit {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('authorization', `Bearer ${accessToken}`);
  headers.set('connection', headers.get('connection') ?? 'close');
  const redirect = (init.redirect ?? (input instanceof Request ? input.redirect : undefined)) === 'error';
  return { ...init, headers, redirect: redirect ? 'error' : 'manual' };
}

function cooldownAfter(failure: unknown): number {
  if (!(failure instanceof TokenBrokerError) || !failure.retryable) {
    return reportCooldownMs;
  }
  return failure.retryAfter === undefined
    ? shortReportCooldownMs
    : Math.min(failure.retryAfter * 1000, reportCooldownMs);
}

/** Returns true if the body can be sent a second time. The body of a `Request` is a stream, so it cannot. */
function isReplayable(input: string | URL | Request, init: RequestInit): boolean {
  const body = init.body ?? (input instanceof Request ? input.body : null);
  return (
    body === null ||
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    replayable.some((kind) => body instanceof kind)
  );
}

const replayable = [URLSearchParams, FormData, Blob, ArrayBuffer];
