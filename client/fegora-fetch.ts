// The `fetch` for Fegora's API: adds the token, and repeats a request once after a 401. Called by index.ts.
import { parseEndpoint } from './endpoint.ts';
import type { AccessToken } from './token-cache.ts';
import type { TokenClient } from './token-client.ts';
import { withToken } from './with-token.ts';

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
  const authorized = withToken(tokens, now);

  return async (input, init = {}) => {
    const request = target(input, init, origin);
    const { answer } = await authorized({
      send: (bearer) => fetch(request, withBearer(input, init, bearer)),
      isReplayable: isReplayable(input, init),
      // The body of the first response is not used, so an error of that body does not matter.
      discard: (first: Response) => first.body?.cancel().catch(() => {}),
      signal: (init.signal === undefined && input instanceof Request ? input.signal : init.signal) ?? undefined,
    });
    return answer;
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

function withBearer(input: string | URL | Request, init: RequestInit, { accessToken }: AccessToken): RequestInit {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('authorization', `Bearer ${accessToken}`);
  headers.set('connection', headers.get('connection') ?? 'close');
  const redirect = (init.redirect ?? (input instanceof Request ? input.redirect : undefined)) === 'error';
  return { ...init, headers, redirect: redirect ? 'error' : 'manual' };
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
