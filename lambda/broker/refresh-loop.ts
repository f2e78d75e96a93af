import { asBrokerError, BrokerError } from '../errors.ts';
import { type Flight, type Outcome, stand } from './flight.ts';
import { createReader, type Reading } from './item-reader.ts';
import { emptyRecollection, type Recollection } from './local-state.ts';
import { momentOf } from './login-guard.ts';
import type { Ports } from './ports.ts';
import { createStep, type Trip } from './step.ts';
import { withTimeLimit } from './time-limit.ts';

const pollMs = { first: 100, longest: 500 };

type Crew = ReturnType<typeof crewOf>;

function crewOf(ports: Ports, jitter: number) {
  return {
    ...ports,
    read: createReader(ports),
    step: createStep(ports, jitter),
  };
}

/**
 * One flight reads the item until that holds what is wanted, or until this environment has logged in. Never rejects.
 *
 * @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1
 */
export function createRenewal(ports: Ports, jitter: number): (flight: Flight) => Promise<Outcome> {
  const { clock } = ports;
  const crew = crewOf(ports, jitter);
  const recollections = new Map<string, Recollection>();

  return async (flight) => {
    const recollection = recollections.get(flight.account) ?? emptyRecollection();
    recollections.set(flight.account, recollection);
    try {
      const leftMs = flight.until - clock.monotonic();
      return await withTimeLimit(clock, leftMs, (late) => fly(crew, { ...flight, recollection, late }));
    } catch (thrown) {
      return { seen: momentOf(clock), source: 'shared', kept: false, failure: asBrokerError(thrown) };
    }
  };
}

async function fly(crew: Crew, trip: Trip): Promise<Outcome> {
  let reading: Reading | undefined;
  try {
    for (let polls = 0; ; polls++) {
      reading = await crew.read(trip);
      const step = await crew.step(trip, reading);
      if (!('againAt' in step)) {
        return step;
      }
      await pause(crew, trip, polls, step.againAt);
    }
  } catch (thrown) {
    const failure = blame(trip, reading, asBrokerError(thrown));
    if (failure.code === 'table_unavailable') {
      crew.observe({ kind: 'table_unavailable', account: trip.account });
    }
    return stand(reading ?? { seen: momentOf(crew.clock), current: undefined }, failure);
  }
}

/** What was cut off because this flight's own time was up says nothing of the one who was asked. */
function blame({ late }: Trip, reading: Reading | undefined, failure: BrokerError): BrokerError {
  const isCut = late.aborted && (failure.code === 'table_unavailable' || failure.code === 'secret_unavailable');
  if (!isCut) {
    return failure;
  }
  const code = reading === undefined ? 'deadline' : 'renewal_in_progress';
  return new BrokerError(code, 'no time was left to wait for the table or the secret');
}

async function pause({ clock, random }: Crew, { late }: Trip, polls: number, againAt: number): Promise<void> {
  const untilThenMs = Math.max(0, againAt - clock.now());
  const pollAfterMs = Math.min(pollMs.first * 2 ** polls, pollMs.longest) * (0.5 + random());
  // At least a millisecond: what ends at this very one has not ended yet.
  await clock.sleep(Math.max(1, Math.min(untilThenMs, pollAfterMs)), late);
  if (late.aborted) {
    const retryAfterMs = Number.isFinite(againAt) ? againAt - clock.now() : pollMs.longest;
    throw new BrokerError('renewal_in_progress', 'the login under way was not done in time', { retryAfterMs });
  }
}
