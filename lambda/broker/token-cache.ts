// The token of one account in the memory of this environment. Used by account-broker.ts.
import { type BrokerError, isOnlyLate } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { RefreshResult } from './refresh.ts';
import { marginMs, servableUntil, type Token } from './token.ts';

/** A token as this environment keeps it. */
export interface CachedToken {
  readonly token: Token;
  /** End of service by the wall clock. Epoch milliseconds. */
  readonly wallUntil: number;
  /** End of service by the monotonic clock: a jump of the wall clock cannot stretch a token. Milliseconds. */
  readonly monotonicUntil: number;
  /** `generation` of the item when the token was read or bought. */
  readonly generation: number | undefined;
  /** Whether the latest try to renew the token failed. */
  readonly isRenewalFailing: boolean;
}

/** At most one token. */
export interface TokenCache {
  /** The cached token, if it is servable and is not the one reported as rejected. */
  readonly servable: (rejected?: string) => CachedToken | undefined;
  /** Life left, by the clock that says less. Milliseconds. */
  readonly lifeLeftMs: (cached: CachedToken) => number;
  /** The token that a refresh brought, if it is servable. */
  readonly accept: (result: RefreshResult) => CachedToken | undefined;
  /**
   * Keeps the token that a refresh brought. An older token does not replace a newer one that the table did not take. A
   * token of another generation than the item's goes.
   */
  readonly keep: (result: RefreshResult, rejected?: string) => void;
  readonly clear: () => void;
}

/** An empty cache. */
export function createTokenCache(clock: Clock): TokenCache {
  let cached: CachedToken | undefined;

  return {
    servable: (rejected) =>
      cached !== undefined && isServable(cached) && cached.token.fingerprint !== rejected ? cached : undefined,
    lifeLeftMs: ({ token, wallUntil, monotonicUntil }) => {
      const servableMs = Math.min(wallUntil - clock.now(), monotonicUntil - clock.monotonic());
      return servableMs + marginMs(token.lifetimeMs);
    },
    accept: (result) => {
      const brought = cachedFrom(result);
      return brought !== undefined && isServable(brought) ? brought : undefined;
    },
    keep: (result, rejected) => {
      if (result.generation !== undefined && result.generation !== cached?.generation) {
        cached = undefined;
      }
      const brought = result.isShared ? cachedFrom(result) : undefined;
      if (brought !== undefined && !(cached !== undefined && isBetter(cached, brought, rejected))) {
        cached = brought;
      } else if (cached !== undefined && !saysNothingOfRenewal(result.failure)) {
        cached = { ...cached, isRenewalFailing: isRenewalFailure(result.failure) };
      }
    },
    clear: () => {
      cached = undefined;
    },
  };

  function isServable({ wallUntil, monotonicUntil }: CachedToken): boolean {
    return clock.now() < wallUntil && clock.monotonic() < monotonicUntil;
  }

  function isBetter(own: CachedToken, brought: CachedToken, rejected: string | undefined): boolean {
    const isNewer = own.token.issuedAt > brought.token.issuedAt;
    return isNewer && isServable(own) && own.token.fingerprint !== rejected;
  }
}

function cachedFrom({ token, generation, seen, failure }: RefreshResult): CachedToken | undefined {
  if (token === undefined) {
    return undefined;
  }
  const wallUntil = servableUntil(token);
  const monotonicUntil = seen.monotonic + wallUntil - seen.wall;
  return { token, generation, wallUntil, monotonicUntil, isRenewalFailing: isRenewalFailure(failure) };
}

/** Whether this failure means that renewal is in trouble. */
export function isRenewalFailure(failure: BrokerError | undefined): boolean {
  return failure !== undefined && !saysNothingOfRenewal(failure);
}

/** Time-outs and `too_many_rejections` say nothing about the health of renewal. */
function saysNothingOfRenewal(failure: BrokerError | undefined): boolean {
  return failure !== undefined && (isOnlyLate(failure) || failure.code === 'too_many_rejections');
}
