// Decides for each `getToken` whether to use the cached token or to ask the broker. Called by index.ts.
import { TokenBrokerError } from './errors.ts';
import { type RetryPolicy, type Runtime, withRetry } from './retry.ts';
import { singleFlight } from './single-flight.ts';
import { type AccessToken, createTokenCache, type TokenCache } from './token-cache.ts';
import type { TokenRequest, Transport } from './token-response.ts';

/** What the token must be good for, and how long to wait for it. */
export interface GetTokenOptions {
  /** Seconds that the token should still be valid. If no token is, the result is the best one with a `warning`. */
  readonly minValidity?: number | undefined;
  /** Fingerprint of a token that Fegora answered 401 to. The result is another token. */
  readonly rejected?: string | undefined;
  /**
   * Ends the wait of this call only. The promise then rejects with the signal's reason. In an early renewal it resolves
   * with the cached token instead.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A source of access tokens for one account. It keeps the token in memory. */
export interface TokenClient {
  /**
   * Returns the cached token while it is good, otherwise a new one. Calls at the same time share one request to the
   * broker.
   *
   * @throws TokenBrokerError if the broker refuses or is unreachable, and there is no cached token to use
   * @throws RangeError if `minValidity` is not a number of seconds
   * @throws TypeError if `rejected` is not a fingerprint
   * @throws the signal's reason when the signal aborts
   */
  readonly getToken: (options?: GetTokenOptions) => Promise<AccessToken>;
}

/** There is no cached token. The time limit is what API Gateway allows for one response. */
const required: RetryPolicy = { timeoutMs: 30_000, retry: true };
/** The call reports a rejected token. There is no retry: the caller already has an answer of Fegora to fall back on. */
const rejection: RetryPolicy = { timeoutMs: 30_000, retry: false };
/** The cached token is not valid for as long as the caller asked. The time limit is what a login may take. */
const longerValidity: RetryPolicy = { timeoutMs: 12_000, retry: false };
/** The cached token is good. The time is enough if the broker already has a new token; a later call gets a slow one. */
const earlyRenewal: RetryPolicy = { timeoutMs: 1_000, retry: false };

const cooldownMs = 30_000;

/** Returns a client that uses the transport to reach the broker. */
export function tokenClient(transport: Transport, runtime: Runtime): TokenClient {
  const { now } = runtime;
  const cache = createTokenCache(runtime.random());
  const request = sharedRequests(transport, cache, runtime);
  const improve = improver(request, now);

  /** Returns the cached token, or a better one if it is time for that. */
  function improved(
    cached: AccessToken,
    askedMs: number,
    options: GetTokenOptions,
  ): AccessToken | Promise<AccessToken> {
    const best = cached.expiresAt - now() < askedMs ? withUnmetWarning(cached) : cached;
    if (!cache.suffices(askedMs, now())) {
      return improve.validity(best, options);
    }
    return cache.renewable(now()) ? improve.early(best, options) : best;
  }

  return {
    getToken: async (options = {}) => {
      const { rejected, signal } = options;
      signal?.throwIfAborted();
      const askedMs = validityMs(options.minValidity);
      if (rejected !== undefined) {
        cache.reject(checkFingerprint(rejected));
      }
      const cached = cache.servable(now());
      if (cached === undefined || cached.fingerprint === rejected) {
        return request(options, cached === undefined ? required : rejection);
      }
      return improved(cached, askedMs, options);
    },
  };
}

function withUnmetWarning(token: AccessToken): AccessToken {
  return { ...token, warning: 'min_validity_unmet' };
}

type RequestToken = (options: GetTokenOptions, policy: RetryPolicy) => Promise<AccessToken>;

/** Sends one request for all calls that ask for the same thing at the same time, and caches its token. */
function sharedRequests(transport: Transport, cache: TokenCache, runtime: Runtime): RequestToken {
  const send = withRetry(transport, runtime);
  const join = singleFlight<AccessToken>();

  return ({ minValidity, rejected, signal }, policy) => {
    const request: TokenRequest = {
      ...(minValidity !== undefined && { min_validity: Math.ceil(minValidity) }),
      ...(rejected !== undefined && { rejected }),
    };
    const start = async (stop: AbortSignal) => cache.store(await send(request, policy, stop), validityMs(minValidity));
    return join(JSON.stringify([request, policy]), start, signal);
  };
}

/** Asks for a better token than the cached one. After a failure it returns the cached token and starts a cooldown. */
function improver(request: RequestToken, now: () => number) {
  let isRenewing = false;
  let cooldownUntil = 0;

  async function attempt(cached: AccessToken, options: GetTokenOptions, policy: RetryPolicy): Promise<AccessToken> {
    if (now() < cooldownUntil) {
      return cached;
    }
    try {
      return await request(options, policy);
    } catch (failure) {
      if (policy !== earlyRenewal) {
        options.signal?.throwIfAborted();
      }
      const retryAfter = failure instanceof TokenBrokerError ? failure.retryAfter : undefined;
      cooldownUntil = now() + Math.max(cooldownMs, (retryAfter ?? 0) * 1000);
      return cached;
    }
  }

  return {
    validity: (cached: AccessToken, options: GetTokenOptions) => attempt(cached, options, longerValidity),
    /**
     * One caller asks; the others use the cached token. That caller waits a short time for the response: Lambda freezes
     * a function after it returns, with all work that still runs. The caller's signal ends the wait, and the caller
     * gets the cached token. It does not get an error: otherwise short-lived callers would be chosen one after the
     * other and fail, although the cached token is good.
     */
    early: async (cached: AccessToken, options: GetTokenOptions) => {
      if (isRenewing) {
        return cached;
      }
      isRenewing = true;
      return attempt(cached, options, earlyRenewal).finally(() => {
        isRenewing = false;
      });
    },
  };
}

/** @throws TypeError for any other text; the message does not repeat the text, because it may be a token */
function checkFingerprint(rejected: string): string {
  if (!/^[0-9a-f]{64}$/.test(rejected)) {
    throw new TypeError('rejected: not a fingerprint. Pass 64 hex digits in lower case');
  }
  return rejected;
}

/** @throws RangeError for anything but a finite number of seconds, 0 or more */
function validityMs(minValidity = 0): number {
  if (!(minValidity >= 0 && minValidity < Number.POSITIVE_INFINITY)) {
    throw new RangeError('minValidity: not a number of seconds. Pass 0 or more');
  }
  return minValidity * 1000;
}
