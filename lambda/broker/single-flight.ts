// At most one refresh of one account at a time in this environment. Used by account-broker.ts.
import { BrokerError, isOnlyLate } from '../errors.ts';
import { type Clock, momentOf } from './clock.ts';
import { loginNeedsMs } from './login/login-guard.ts';
import { isSameGoal, type RefreshRequest, type RefreshResult } from './refresh.ts';
import { meetsValidity, servableUntil } from './token.ts';

/** The refresh under way. */
interface InFlight {
  readonly request: RefreshRequest;
  readonly result: Promise<RefreshResult>;
  /** What a call that joins may have before the result; settles only if there is something to have. */
  readonly announced: Promise<RefreshResult>;
}

/**
 * Calls that ask while a refresh is in flight join it, each with its own deadline. A call that the result does not serve
 * joins the next refresh, or starts it. Nothing is kept of a refresh that has ended.
 */
export function createSingleFlight(clock: Clock, refresh: (request: RefreshRequest) => Promise<RefreshResult>) {
  let inFlight: InFlight | undefined;

  return async (request: RefreshRequest): Promise<RefreshResult> => {
    while (inFlight !== undefined) {
      const joined = inFlight;
      const result = await join(joined, request);
      if (serves(result, joined.request, request)) {
        return result;
      }
      if (clock.monotonic() >= request.until) {
        return tooLate();
      }
    }
    const { promise: announced, resolve } = Promise.withResolvers<RefreshResult>();
    const own = { request, result: refresh({ ...request, announce: resolve }), announced };
    inFlight = own;
    try {
      // The call that starts a refresh waits for its end: nothing may run after the answer.
      return await own.result;
    } finally {
      if (inFlight === own) {
        inFlight = undefined;
      }
    }
  };

  async function join(joined: InFlight, own: RefreshRequest): Promise<RefreshResult> {
    const ended = new AbortController();
    const late = clock.sleep(own.until - clock.monotonic(), ended.signal).then(tooLate);
    const served = joined.announced.then((early) => (serves(early, joined.request, own) ? early : never()));
    const result = await Promise.race([joined.result, served, late]);
    ended.abort();
    return result;
  }

  function tooLate(): RefreshResult {
    const failure = new BrokerError('renewal_in_progress', 'the login under way did not end in time');
    return { seen: momentOf(clock), source: 'shared', isShared: false, failure };
  }

  function serves({ token, failure }: RefreshResult, joined: RefreshRequest, own: RefreshRequest): boolean {
    const { kind, rejected, minValidityMs } = own.goal;
    if (token !== undefined && kind !== 'warm' && kind !== 'verify') {
      const now = clock.now();
      const isEnough = meetsValidity(token, minValidityMs, now) || minValidityMs <= joined.goal.minValidityMs;
      return token.fingerprint !== rejected && isEnough && now < servableUntil(token);
    }
    const isCutShort = failure !== undefined && isOnlyLate(failure) && hasLonger(own, joined);
    return isSameGoal(joined.goal, own.goal) && !isCutShort;
  }

  /** Whether a refresh of its own would have more time. */
  function hasLonger(own: RefreshRequest, joined: RefreshRequest): boolean {
    return joined.until < own.until || (joined.remaining() < loginNeedsMs && own.remaining() >= loginNeedsMs);
  }
}

/**
 * Each waiter gets its own pending promise. Handlers on one shared, never-settling promise would never be garbage
 * collected.
 */
function never(): Promise<never> {
  return new Promise(() => {});
}
