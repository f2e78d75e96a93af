// Says when an environment that has a servable token looks at the shared table all the same. Used by account-broker.ts.
import { type Clock, elapsedSince, type Moment, momentOf } from './clock.ts';
import { answerReserveMs, loginNeedsMs } from './login/login-guard.ts';
import type { RefreshGoal } from './refresh.ts';
import { renewableFrom } from './token.ts';
import type { CachedToken } from './token-cache.ts';

/** The longest that a caller with a servable token waits for a look. Milliseconds. */
export const longestLookMs = 2000;
/** How often an environment looks in the renewal window, and how often before it: a token that an operator made invalid must be gone from
 * everywhere within a minute. Milliseconds. */
const inWindowMs = 10_000;
const beforeWindowMs = 50_000;
/** How soon it looks again if it could not see the item. Milliseconds. */
const againMs = 5000;

/** @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1 */
export function createLookTimer(clock: Clock, jitter: number) {
  /** When a refresh last began, and when a refresh or a check did. */
  let refreshed: Moment | undefined;
  let looked: Moment | undefined;
  let againAfterMs = beforeWindowMs;
  const isOver = (moment: Moment | undefined, ms: number) => moment === undefined || elapsedSince(clock, moment) >= ms;

  return {
    /**
     * What kind of look is due; undefined if none is. In the renewal window an environment looks often, because it may be
     * the one to renew. Before the window it looks about once a minute, because an operator may have made the token invalid.
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
      if (isInWindow && isOver(refreshed, inWindowMs)) {
        return 'refresh-ahead';
      }
      return isOver(looked, againAfterMs) ? 'check' : undefined;
    },
    /** Notes that a look begins. */
    begin: (kind: RefreshGoal['kind']): void => {
      looked = momentOf(clock);
      refreshed = kind === 'check' ? refreshed : looked;
    },
    /** Notes whether a look saw the item. */
    end: (hasSeen: boolean): void => {
      againAfterMs = hasSeen ? beforeWindowMs : againMs;
    },
  };
}
