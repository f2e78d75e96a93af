// Says when an environment that has a servable token looks at the shared table all the same. Used by account-broker.ts.
import type { Clock } from './clock.ts';
import { answerReserveMs, loginNeedsMs } from './login/login-guard.ts';
import type { RefreshGoal } from './refresh.ts';
import { renewableFrom } from './token.ts';
import type { CachedToken } from './token-cache.ts';

/** The longest that a caller with a servable token waits for a look. Milliseconds. */
export const longestLookMs = 2000;
/** How often an environment looks in the renewal window, and how often before it. Milliseconds. */
const inWindowMs = 10_000;
const beforeWindowMs = 60_000;

/** @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1 */
export function createLookTimer(clock: Clock, jitter: number) {
  /** When a refresh was last asked for, and when a refresh or a check was. Monotonic milliseconds. */
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let checkedAt = Number.NEGATIVE_INFINITY;

  return {
    /**
     * What kind of look is due; undefined if none is. In the renewal window an environment looks often, because it may be
     * the one to renew. Before the window it looks once a minute, because an operator may have made the token invalid.
     *
     * @param now wall clock as far as it can be trusted about the token. Epoch milliseconds
     * @param leftMs what the invocation has left. Milliseconds
     */
    due: ({ token, wallUntil }: CachedToken, now: number, leftMs: number): 'refresh-ahead' | 'check' | undefined => {
      // A later look could end when there is nothing left to serve.
      if (Math.min(wallUntil - now, leftMs) < longestLookMs + answerReserveMs) {
        return undefined;
      }
      const isInWindow = now >= renewableFrom(token, jitter) && leftMs >= loginNeedsMs;
      if (isInWindow && clock.monotonic() - refreshedAt >= inWindowMs) {
        return 'refresh-ahead';
      }
      return clock.monotonic() - checkedAt >= beforeWindowMs ? 'check' : undefined;
    },
    /** Notes that a refresh begins. */
    note: (kind: RefreshGoal['kind']): void => {
      checkedAt = clock.monotonic();
      refreshedAt = kind === 'check' ? refreshedAt : checkedAt;
    },
  };
}
