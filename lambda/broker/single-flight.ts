import { BrokerError, isOnlyLate } from '../errors.ts';
import type { Flight, Outcome } from './flight.ts';
import { loginNeedsMs, momentOf } from './login-guard.ts';
import type { Clock } from './ports.ts';
import { meetsValidity, servableUntil } from './token.ts';
import { isSameAim } from './want.ts';

/** A flight under way. */
interface Airborne {
  readonly flight: Flight;
  readonly landing: Promise<Outcome>;
  /** What whoever joins may have before it lands; settles only where there is something to be had. */
  readonly meanwhile: Promise<Outcome>;
}

/**
 * At most one flight per account at a time. Whoever asks meanwhile joins it, with a deadline of their own; one whom it
 * did not serve joins the next, or starts one. Nothing is kept of a flight that has landed.
 */
export function createSingleFlight(clock: Clock, renew: (flight: Flight) => Promise<Outcome>) {
  const flights = new Map<string, Airborne>();

  return async (flight: Flight): Promise<Outcome> => {
    const { account, until } = flight;
    for (let joined = flights.get(account); joined !== undefined; joined = flights.get(account)) {
      const outcome = await wait(joined, flight);
      if (serves(outcome, joined.flight, flight)) {
        return outcome;
      }
      if (clock.monotonic() >= until) {
        return tooLate();
      }
    }
    return await start(flight);
  };

  /** Whoever starts a flight stays until it has landed: nothing may run on after the answer. */
  async function start(flight: Flight): Promise<Outcome> {
    const { promise: meanwhile, resolve } = Promise.withResolvers<Outcome>();
    const landing = renew({ ...flight, announce: resolve });
    flights.set(flight.account, { flight, landing, meanwhile });
    try {
      return await landing;
    } finally {
      flights.delete(flight.account);
    }
  }

  async function wait(joined: Airborne, own: Flight): Promise<Outcome> {
    const landed = new AbortController();
    const late = clock.sleep(own.until - clock.monotonic(), landed.signal).then(tooLate);
    const served = joined.meanwhile.then((had) => (serves(had, joined.flight, own) ? had : never()));
    const outcome = await Promise.race([joined.landing, served, late]);
    landed.abort();
    return outcome;
  }

  function tooLate(): Outcome {
    const failure = new BrokerError('renewal_in_progress', 'the login under way was not done in time');
    return { seen: momentOf(clock), source: 'shared', kept: false, failure };
  }

  function serves({ token, failure }: Outcome, joined: Flight, own: Flight): boolean {
    const { purpose, rejected, minValidityMs } = own.want;
    if (token !== undefined && purpose !== 'warm' && purpose !== 'verify') {
      const now = clock.now();
      const isEnough = meetsValidity(token, minValidityMs, now) || minValidityMs <= joined.want.minValidityMs;
      return token.fingerprint !== rejected && isEnough && now < servableUntil(token);
    }
    return (
      isSameAim(joined.want, own.want) && !(failure !== undefined && isOnlyLate(failure) && hasLonger(own, joined))
    );
  }

  /** Whether a flight of one's own could come further. */
  function hasLonger(own: Flight, joined: Flight): boolean {
    return joined.until < own.until || (joined.remaining() < loginNeedsMs && own.remaining() >= loginNeedsMs);
  }
}

/** One of its own for each who waits: what waits on a promise that outlives it is never freed, nor what it was brought. */
function never(): Promise<never> {
  return new Promise(() => {});
}
