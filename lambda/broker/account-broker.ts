// Everything that this environment holds of one account: its token, the refresh in flight, its local state. Made by broker.ts.
import { asBrokerError, BrokerError, codesOfAnyId, type ErrorCode } from '../errors.ts';
import type { Remaining } from './clock.ts';
import type { Grant, TokenRequest } from './contract.ts';
import { grantAfter, grantOf, type Refreshed, trustedNow } from './grant.ts';
import type { Item } from './item.ts';
import { createLocalState } from './local-state.ts';
import { answerReserveMs } from './login/login-guard.ts';
import { createLookTimer, longestLookMs } from './look-timer.ts';
import type { AccountPorts, Amendment } from './ports.ts';
import type { RefreshGoal } from './refresh.ts';
import { createRefresh } from './refresh-loop.ts';
import { createSingleFlight } from './single-flight.ts';
import { withTimeLimit } from './time-limit.ts';
import { fingerprint, meetsValidity } from './token.ts';
import { createTokenCache } from './token-cache.ts';
import { isOfCaller } from './use.ts';
import { createWarmUp, type WarmUp } from './warm-up.ts';

/** The broker of one account: `Broker` without the account. Its functions throw what those of `Broker` throw. */
export interface AccountBroker extends WarmUp {
  readonly getToken: (request: Omit<TokenRequest, 'account'>, remaining: Remaining) => Promise<Grant>;
  readonly status: (remaining: Remaining) => Promise<Item>;
  readonly checkSecret: (remaining: Remaining, past?: boolean) => Promise<ErrorCode | undefined>;
  readonly amend: (amendment: Amendment, remaining: Remaining) => Promise<void>;
  /** Whether nothing is lost if this object goes. */
  readonly isForgettable: () => boolean;
  /** Whether perhaps no account has this id: there is no token, and the last search for one found nothing of an account. */
  readonly isUnknown: () => boolean;
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
  let lastCode: ErrorCode | undefined;

  return {
    getToken,
    ...createWarmUp(clock, refresh),
    status: (remaining) => inTime(remaining, async (late) => (await table.read(late)).item),
    checkSecret: (remaining, past) => inTime(remaining, (late) => checkSecret(ports, late, past)),
    amend: (amendment, remaining) => inTime(remaining, (late) => amend(amendment, late)),
    isForgettable: () => state.unwrittenRejections.size === 0,
    isUnknown: () =>
      codesOfAnyId.has(lastCode) && cache.servable() === undefined && state.unwrittenRejections.size === 0,
  };

  async function getToken(asked: Omit<TokenRequest, 'account'>, remaining: Remaining): Promise<Grant> {
    const { minValidityMs = 0, rejected, caller } = asked;
    const cached = rejected === undefined ? cache.servable() : undefined;
    const reported = rejected !== undefined && { rejected, caller: fingerprint(caller ?? '').slice(0, 8) };
    const goal = { minValidityMs, ...reported };
    if (cached === undefined || !meetsValidity(cached.token, minValidityMs, trustedNow(cache, cached))) {
      return grantBy({ kind: 'serve', ...goal }, remaining);
    }
    const kind = looks.due(cached, trustedNow(cache, cached), remaining());
    return kind === undefined
      ? grantOf(cache, cached, 'memory', { minValidityMs })
      : grantBy({ kind, ...goal }, remaining);
  }

  async function grantBy(goal: RefreshGoal, remaining: Remaining): Promise<Grant> {
    const first = await refresh(goal, remaining);
    const { failure, source } = first.result;
    // The stored token ran out while a login was prepared that could not end before it. Now the call waits for one.
    const isOver = failure === undefined && source === 'shared' && cache.servable(goal.rejected) === undefined;
    return grantAfter(cache, goal, isOver ? await refresh({ ...goal, kind: 'serve' }, remaining) : first);
  }

  /** Refreshes, and keeps what came of it. */
  async function refresh(goal: RefreshGoal, remaining: Remaining): Promise<Refreshed> {
    const before = cache.servable(goal.rejected)?.token.fingerprint;
    // A token that a warm-up brings is looked at again for its first caller, who notes that the account is in use.
    if (ports.notesUse !== true || isOfCaller(goal.kind)) {
      looks.begin(goal.kind);
    }
    const longestMs = goal.kind === 'refresh-ahead' || goal.kind === 'check' ? longestLookMs : longestWaitMs;
    const until = clock.monotonic() + Math.min(longestMs, remaining() - answerReserveMs);
    const result = await refreshOnce({ goal, remaining, until });
    looks.end(result.generation !== undefined);
    lastCode = result.failure?.code;
    cache.keep(result, goal.rejected);
    return { result, before };
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

/** A secret that cannot be used stops a login before its claim, so the item does not tell. */
async function checkSecret(
  { readCredentials }: AccountPorts,
  signal: AbortSignal,
  past = false,
): Promise<ErrorCode | undefined> {
  try {
    await readCredentials({ past, signal });
    return undefined;
  } catch (thrown) {
    return asBrokerError(thrown).code;
  }
}
