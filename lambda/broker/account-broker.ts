// Everything that this environment holds of one account: its token, the refresh in flight, its local state. Made by broker.ts.
import { BrokerError, isOnlyLate } from '../errors.ts';
import type { Remaining } from './clock.ts';
import type { Grant, TokenRequest, WarmupResult } from './contract.ts';
import type { Item } from './item.ts';
import { createLocalState } from './local-state.ts';
import { answerReserveMs } from './login/login-guard.ts';
import { createLookTimer, longestLookMs } from './look-timer.ts';
import type { AccountPorts, Amendment } from './ports.ts';
import type { RefreshGoal, RefreshResult } from './refresh.ts';
import { createRefresh } from './refresh-loop.ts';
import { createSingleFlight } from './single-flight.ts';
import { withTimeLimit } from './time-limit.ts';
import { expiresAt, fingerprint, meetsValidity, renewableFrom } from './token.ts';
import { type CachedToken, createTokenCache, isRenewalFailure } from './token-cache.ts';

/** The broker of one account: `Broker` without the account. Its functions throw what those of `Broker` throw. */
export interface AccountBroker {
  readonly getToken: (request: Omit<TokenRequest, 'account'>, remaining: Remaining) => Promise<Grant>;
  readonly warm: (remaining: Remaining) => Promise<WarmupResult>;
  readonly verify: (remaining: Remaining) => Promise<WarmupResult>;
  readonly status: (remaining: Remaining) => Promise<Item>;
  readonly amend: (amendment: Amendment, remaining: Remaining) => Promise<void>;
  /** Whether nothing is lost if this object goes. */
  readonly isForgettable: () => boolean;
}

/** The longest wait for the login of another environment. Milliseconds. */
const longestWaitMs = 10_000;

/** @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1 */
export function createAccountBroker(ports: AccountPorts, jitter: number): AccountBroker {
  const { clock, table } = ports;
  const state = createLocalState();
  const cache = createTokenCache(clock);
  const refreshOnce = createSingleFlight(clock, createRefresh(ports, state, jitter));
  const looks = createLookTimer(clock, jitter);

  return {
    getToken,
    warm: (remaining) => keepWarm('warm', remaining),
    verify: (remaining) => keepWarm('verify', remaining),
    status: (remaining) => inTime(remaining, async (late) => (await table.read(late)).item),
    amend: (amendment, remaining) => inTime(remaining, (late) => amend(amendment, late)),
    isForgettable: () => state.unwrittenRejections.size === 0,
  };

  async function getToken(asked: Omit<TokenRequest, 'account'>, remaining: Remaining): Promise<Grant> {
    const { minValidityMs = 0, rejected, caller } = asked;
    const cached = rejected === undefined ? cache.servable() : undefined;
    const reported = rejected !== undefined && { rejected, caller: fingerprint(caller ?? '').slice(0, 8) };
    const goal = { minValidityMs, ...reported };
    if (cached === undefined || !meetsValidity(cached.token, minValidityMs, trustedNow(cached))) {
      return grantAfter({ kind: 'serve', ...goal }, await refresh({ kind: 'serve', ...goal }, remaining));
    }
    const kind = looks.due(cached, trustedNow(cached), remaining());
    return kind === undefined
      ? grantOf(cached, 'memory', { minValidityMs })
      : grantAfter({ kind, ...goal }, await refresh({ kind, ...goal }, remaining));
  }

  /** Refreshes, and keeps what came of it. */
  async function refresh(goal: RefreshGoal, remaining: Remaining) {
    const before = cache.servable(goal.rejected)?.token.fingerprint;
    looks.note(goal.kind);
    const longestMs = goal.kind === 'refresh-ahead' || goal.kind === 'check' ? longestLookMs : longestWaitMs;
    const until = clock.monotonic() + Math.min(longestMs, remaining() - answerReserveMs);
    const result = await refreshOnce({ goal, remaining, until });
    cache.keep(result, goal.rejected);
    return { result, before };
  }

  function grantAfter({ kind, minValidityMs, rejected }: RefreshGoal, { result, before }: Refreshed): Grant {
    const best = (result.isShared ? undefined : cache.accept(result)) ?? cache.servable(rejected);
    if (best === undefined) {
      throw result.failure ?? new BrokerError('renewal_in_progress', 'the token ran out while the table was read');
    }
    const brought = result.token?.fingerprint;
    const isBrought = brought === best.token.fingerprint && brought !== before;
    const failure = result.failure && { failure: result.failure, isNeeded: kind === 'serve' };
    return grantOf(best, isBrought ? result.source : 'memory', { minValidityMs, ...failure });
  }

  /** The wall clock, or what the monotonic clock makes of it if that says that more time went by. */
  function trustedNow(cached: CachedToken): number {
    return expiresAt(cached.token) - cache.lifeLeftMs(cached);
  }

  async function keepWarm(kind: 'warm' | 'verify', remaining: Remaining): Promise<WarmupResult> {
    const { token, source, failure } = (await refresh({ kind, minValidityMs: 0 }, remaining)).result;
    const known = token === undefined ? {} : { expiresAt: expiresAt(token) };
    if (failure === undefined) {
      return { outcome: source === 'upstream' ? 'renewed' : 'fresh', ...known };
    }
    if (isOnlyLate(failure)) {
      return { outcome: 'skipped', ...known };
    }
    throw failure;
  }

  function grantOf(cached: CachedToken, source: Grant['source'], { minValidityMs, failure, isNeeded }: Asked): Grant {
    const { token, isRenewalFailing } = cached;
    const remainingMs = cache.lifeLeftMs(cached);
    const grant = { token, source, remainingMs };
    // A renewal that failed long before the token ends is no news, unless this caller needed it.
    const isDue = trustedNow(cached) >= renewableFrom(token, 0);
    const isFailing = isRenewalFailure(failure) ? isDue || isNeeded === true : isRenewalFailing && isDue;
    if (isFailing) {
      return { ...grant, warning: 'renewal_failing' };
    }
    return remainingMs < minValidityMs ? { ...grant, warning: 'min_validity_unmet' } : grant;
  }

  async function amend(amendment: Amendment, late: AbortSignal): Promise<void> {
    if (!(await table.write({ kind: amendment }, late))) {
      throw new BrokerError('table_unavailable', 'the item is of an unknown schema');
    }
    if (amendment === 'purge' || amendment === 'revoke') {
      cache.clear();
    }
  }

  function inTime<T>(remaining: Remaining, work: (late: AbortSignal) => Promise<T>): Promise<T> {
    return withTimeLimit(clock, remaining() - answerReserveMs, work);
  }
}

/** What a refresh brought, and the fingerprint of the token that was cached before. */
interface Refreshed {
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
