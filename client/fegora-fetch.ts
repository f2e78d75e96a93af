import { TokenBrokerError } from './errors.ts';
import { isSafe } from './options.ts';
import type { AccessToken } from './token-cache.ts';
import type { TokenClient } from './token-client.ts';

/** Where Fegora is. */
export interface FegoraOptions {
  /**
   * The only origin that the token is sent to. Https, but for loopback.
   *
   * @default https://api.fegora.com
   */
  readonly origin?: string | URL;
}

/**
 * `fetch`, with the bearer token added.
 *
 * - A path is taken from the origin. A request to any other origin is refused with a TypeError, before anything is
 *   sent.
 * - Redirects are not followed (`redirect: 'error'` is kept): the answer is handed back, and the token and the body
 *   stay where they were meant to go.
 * - Each request has a connection of its own, unless it has a header `connection`: one kept from an earlier invocation
 *   is dead when a frozen function thaws, and nobody could tell whether an invoice sent on it arrived.
 * - A 401 is reported to the broker, and the request is repeated once with the new token; unless its body can be read
 *   only once (a stream, an iterator, a `Request` with a body), or the broker has no other token: then the 401 is
 *   handed back. So is a second one. The token that it came for is not reported within a minute, or, where the broker
 *   named a shorter time, within that.
 *
 * @throws TypeError for another origin, or a `Request` as `init`
 * @throws TokenBrokerError when there is no token to begin with; the signal's reason; what `fetch` throws
 */
export type FegoraFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** How long a token is not reported again. Refused as well as the one before, it is the path that is refused, or the user. */
const peaceMs = 60_000;
/** The same where the broker may soon have another, and did not say when. */
const shortPeaceMs = 5_000;

/**
 * `now` is epoch milliseconds.
 *
 * @see FegoraFetch
 * @throws TypeError for an origin that no token may be sent to
 */
export function fegoraFetch(
  tokens: TokenClient,
  fetch: typeof globalThis.fetch,
  options: FegoraOptions,
  now: () => number,
): FegoraFetch {
  const origin = parseOrigin(options.origin ?? 'https://api.fegora.com');
  let refused: { readonly fingerprint: string; readonly until: number } | undefined;

  const hold = ({ fingerprint }: AccessToken, ms: number) => {
    refused = { fingerprint, until: now() + ms };
  };
  const isFutile = ({ fingerprint }: AccessToken) => fingerprint === refused?.fingerprint && now() < refused.until;

  /** Another token than the rejected one. None where the broker has none to give: the 401 is then the better answer. */
  async function replacement(rejected: AccessToken, signal: AbortSignal | undefined): Promise<AccessToken | undefined> {
    try {
      const token = await tokens.getToken({ rejected: rejected.fingerprint, signal });
      if (token.fingerprint !== rejected.fingerprint) {
        return token;
      }
      hold(rejected, peaceMs);
    } catch (failure) {
      signal?.throwIfAborted();
      hold(rejected, peaceAfter(failure));
    }
    return undefined;
  }

  return async (input, init = {}) => {
    const request = target(input, init, origin);
    const signal = (init.signal === undefined && input instanceof Request ? input.signal : init.signal) ?? undefined;
    const send = (bearer: AccessToken) => fetch(request, withToken(input, init, bearer));

    const token = await tokens.getToken({ signal });
    const response = await send(token);
    if (response.status !== 401 || isFutile(token)) {
      return response;
    }
    const other = await replacement(token, signal);
    if (other === undefined || !isReplayable(input, init)) {
      return response;
    }
    // Its failure is that of an answer which nobody wants.
    await response.body?.cancel().catch(() => {});
    const second = await send(other);
    if (second.status === 401) {
      hold(other, peaceMs);
    }
    return second;
  };
}

function parseOrigin(given: string | URL): string {
  const url = new URL(given);
  if (!isSafe(url)) {
    throw new TypeError('origin: not an https URL (or http on loopback)');
  }
  return url.origin;
}

/** @throws TypeError for a URL that the token must not be sent to, and for options that would lose what they hold */
function target(input: string | URL | Request, init: RequestInit, origin: string): URL | Request {
  if (init instanceof Request) {
    throw new TypeError('a Request goes in place of the URL, not of the options');
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

function peaceAfter(failure: unknown): number {
  if (!(failure instanceof TokenBrokerError) || !failure.retryable) {
    return peaceMs;
  }
  return failure.retryAfter === undefined ? shortPeaceMs : Math.min(failure.retryAfter * 1000, peaceMs);
}

/** Whether the body can be sent a second time. A `Request` hands its body out as a stream. */
function isReplayable(input: string | URL | Request, init: RequestInit): boolean {
  const body = init.body ?? (input instanceof Request ? input.body : null);
  return (
    body === null || typeof body === 'string' || ArrayBuffer.isView(body) || kept.some((kind) => body instanceof kind)
  );
}

const kept = [URLSearchParams, FormData, Blob, ArrayBuffer];
