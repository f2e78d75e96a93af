// Makes the answer to one call out of the cached token and what a refresh brought. Used by account-broker.ts.
import { BrokerError } from '../errors.ts';
import type { Grant } from './contract.ts';
import type { RefreshGoal, RefreshResult } from './refresh.ts';
import { expiresAt, renewableFrom } from './token.ts';
import { type CachedToken, isRenewalFailure, type TokenCache } from './token-cache.ts';

/** What a refresh brought, and the fingerprint of the token that was cached before. */
export interface Refreshed {
  readonly result: RefreshResult;
  readonly before: string | undefined;
}

/** What a caller is told beside the token. */
interface Asked {
  readonly minValidityMs: number;
  readonly failure?: BrokerError;
  /** Whether this call asked for a renewal. */
  readonly isNeeded?: boolean;
}

/** The wall clock, or what the monotonic clock makes of it if that says that more time went by. Epoch milliseconds. */
export function trustedNow(cache: TokenCache, cached: CachedToken): number {
  return expiresAt(cached.token) - cache.lifeLeftMs(cached);
}

/** The answer from a cached token. */
export function grantOf(
  cache: TokenCache,
  cached: CachedToken,
  source: Grant['source'],
  { minValidityMs, failure, isNeeded }: Asked,
): Grant {
  const { token, isRenewalFailing } = cached;
  const remainingMs = cache.lifeLeftMs(cached);
  const grant = { token, source, remainingMs };
  // A renewal that failed long before the token ends is no news, unless this caller needed it.
  const isDue = trustedNow(cache, cached) >= renewableFrom(token, 0);
  const isFailing = isRenewalFailure(failure) ? isDue || isNeeded === true : isRenewalFailing && isDue;
  if (isFailing) {
    return { ...grant, warning: 'renewal_failing' };
  }
  return remainingMs < minValidityMs ? { ...grant, warning: 'min_validity_unmet' } : grant;
}

/**
 * The answer after a refresh, which the cache has kept by now.
 *
 * @throws BrokerError why there is no token
 */
export function grantAfter(cache: TokenCache, goal: RefreshGoal, { result, before }: Refreshed): Grant {
  const { kind, minValidityMs, rejected } = goal;
  const best = (result.isShared ? undefined : cache.accept(result)) ?? cache.servable(rejected);
  if (best === undefined) {
    throw result.failure ?? new BrokerError('renewal_in_progress', 'the token ran out while the table was read');
  }
  const brought = result.token?.fingerprint;
  const isBrought = brought === best.token.fingerprint && brought !== before;
  const failure = result.failure && { failure: result.failure, isNeeded: kind === 'serve' };
  return grantOf(cache, best, isBrought ? result.source : 'memory', { minValidityMs, ...failure });
}
