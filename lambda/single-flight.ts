import { BrokerError } from './errors.ts';
import { momentOf } from './guard.ts';
import { isOnlyLate } from './memory.ts';
import type { Clock } from './ports.ts';
import type { Flight, Outcome } from './renewal.ts';
import { meetsValidity } from './token.ts';
import { isSameWant } from './want.ts';

/** A flight under way. */
interface Airborne {
  readonly flight: Flight;
  readonly landing: Promise<Outcome>;
  /** Settles only where the flight is a probe. */
  readonly probing: Promise<Outcome>;
}

/**
 * At most one flight per account at a time. Whoever asks meanwhile joins it, with a deadline of their own; one whom it
 * did not serve joins the next, or starts one, once. Nothing is kept of a flight that has landed.
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
    const { promise: probing, resolve } = Promise.withResolvers<Outcome>();
    const landing = renew({ ...flight, probing: resolve });
    flights.set(flight.account, { flight, landing, probing });
    try {
      return await landing;
    } finally {
      flights.delete(flight.account);
    }
  }

  async function wait(joined: Airborne, { want, until }: Flight): Promise<Outcome> {
    const landed = new AbortController();
    const late = clock.sleep(until - clock.monotonic(), landed.signal).then(tooLate);
    const ends = [joined.landing, late];
    const outcome = await Promise.race(isSameWant(joined.flight.want, want) ? [...ends, joined.probing] : ends);
    landed.abort();
    return outcome;
  }

  function tooLate(): Outcome {
    const failure = new BrokerError('renewal_in_progress', 'the login under way was not done in time');
    return { seen: momentOf(clock), source: 'shared', kept: false, failure };
  }

  function serves({ token, failure }: Outcome, joined: Flight, own: Flight): boolean {
    const { want } = own;
    if (token !== undefined && want.purpose !== 'warm' && want.purpose !== 'verify') {
      const isOther = token.fingerprint !== want.rejected;
      return isOther && (meetsValidity(token, want.minValidityMs, clock.now()) || isSameWant(joined.want, want));
    }
    const wasShorter = failure !== undefined && isOnlyLate(failure) && joined.until < own.until;
    return isSameWant(joined.want, want) && !wasShorter;
  }
}
