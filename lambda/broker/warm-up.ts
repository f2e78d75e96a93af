// Keeps the token of one account fresh ahead of calls, and tries new credentials. Called by account-broker.ts.
import { isOnlyLate } from '../errors.ts';
import type { Clock, Remaining } from './clock.ts';
import type { WarmupResult } from './contract.ts';
import type { Refreshed } from './grant.ts';
import { loginNeedsMs } from './login/login-guard.ts';
import type { RefreshGoal } from './refresh.ts';
import { expiresAt } from './token.ts';

/** What a verification must have left after a wait: a login, and the connection before it. Milliseconds. */
const verificationNeedsMs = loginNeedsMs + 2000;
/** A wait that ends at once would read the table again and again. Milliseconds. */
const shortestWaitMs = 500;

/** What is done for an account without a caller. The functions throw what those of `Broker` throw. */
export interface WarmUp {
  readonly warm: (remaining: Remaining) => Promise<WarmupResult>;
  readonly verify: (remaining: Remaining) => Promise<WarmupResult>;
}

/** Refreshes the token of the account, and keeps what came of it. */
type Refresh = (goal: RefreshGoal, remaining: Remaining) => Promise<Refreshed>;

/** @param refresh the refresh that calls of the account share */
export function createWarmUp(clock: Pick<Clock, 'sleep'>, refresh: Refresh): WarmUp {
  return { warm: (remaining) => keepWarm('warm', remaining), verify };

  /**
   * Waits out what takes only a moment: another login, or the rest of the gap after one. It does not wait within a refresh,
   * because other calls would join that and wait too.
   */
  async function verify(remaining: Remaining): Promise<WarmupResult> {
    for (;;) {
      const result = await keepWarm('verify', remaining);
      const waitMs = Math.max(shortestWaitMs, result.retryAfterMs ?? Number.POSITIVE_INFINITY);
      if (remaining() - waitMs < verificationNeedsMs) {
        return result;
      }
      await clock.sleep(waitMs);
    }
  }

  async function keepWarm(kind: 'warm' | 'verify', remaining: Remaining): Promise<WarmupResult> {
    const { token, source, failure } = (await refresh({ kind, minValidityMs: 0 }, remaining)).result;
    const known = token === undefined ? {} : { expiresAt: expiresAt(token) };
    if (failure === undefined) {
      return { outcome: source === 'upstream' ? 'renewed' : 'fresh', ...known };
    }
    if (isOnlyLate(failure)) {
      const { retryAfterMs } = failure;
      return { outcome: 'skipped', ...known, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    }
    throw failure;
  }
}
