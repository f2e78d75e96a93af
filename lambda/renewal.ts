import { type AttemptEnd, briefMs, createAttempt, type Errand } from './attempt.ts';
import { createBareLogin } from './bare-login.ts';
import { createCredentialChoice } from './credential-choice.ts';
import { asBrokerError, BrokerError } from './errors.ts';
import { answerReserveMs, isSteady, loginLimitMs, loginNeedsMs, type Moment, momentOf } from './guard.ts';
import { forcedOnceMore, gapEnds, holdOf, type Item, probeError, stealableAt } from './item.ts';
import type { Ports, Remaining } from './ports.ts';
import { createReader, type Reading } from './reading.ts';
import { emptyRecollection, type Recollection } from './recollection.ts';
import { servableUntil, type Token } from './token.ts';
import { isPatient, isSatisfied, type Want } from './want.ts';

/** What a flight brought. `token` and `failure` may stand together: a good token whose renewal failed. */
export interface Outcome {
  readonly token?: Token;
  /** A moment at which our wall clock can be trusted with regard to the token. */
  readonly seen: Moment;
  readonly source: 'shared' | 'upstream';
  /** False for a token that is not the one everybody uses. */
  readonly kept: boolean;
  readonly failure?: BrokerError;
}

export interface Flight {
  readonly account: string;
  readonly want: Want;
  readonly remaining: Remaining;
  /** When to give up waiting. Monotonic milliseconds. */
  readonly until: number;
  /** Told when this flight tries again what failed before: nobody else need wait for how that ends. */
  readonly probing?: (outcome: Outcome) => void;
}

/** A flight under way. */
interface Trip extends Flight {
  readonly memory: Recollection;
  /** Aborts at `until`. */
  readonly late: AbortSignal;
}

/** The flight is over, or the table is to be read again, at the latest at `againAt` (wall clock). */
type Step = Outcome | { readonly againAt: number };

const pollMs = { first: 100, longest: 500 };

type Crew = ReturnType<typeof crewOf>;

function crewOf(ports: Ports, jitter: number) {
  return {
    ...ports,
    jitter,
    read: createReader(ports),
    choose: createCredentialChoice(ports),
    attempt: createAttempt(ports),
    logInBare: createBareLogin(ports),
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
    const memory = recollections.get(flight.account) ?? emptyRecollection();
    recollections.set(flight.account, memory);
    const landed = new AbortController();
    const late = new AbortController();
    void clock.sleep(flight.until - clock.monotonic(), landed.signal).then(() => late.abort());
    try {
      return await fly(crew, { ...flight, memory, late: late.signal });
    } catch (thrown) {
      return { seen: momentOf(clock), source: 'shared', kept: false, failure: asBrokerError(thrown) };
    } finally {
      landed.abort();
    }
  };
}

async function fly(crew: Crew, trip: Trip): Promise<Outcome> {
  let reading: Reading | undefined;
  try {
    for (let polls = 0; ; polls++) {
      reading = await crew.read(trip);
      const step = await advance(crew, trip, reading);
      if (!('againAt' in step)) {
        return step;
      }
      await pause(crew, trip, polls, step.againAt);
    }
  } catch (thrown) {
    const failure = asBrokerError(thrown);
    if (failure.code === 'table_unavailable') {
      crew.observe({ kind: 'table_unavailable', account: trip.account });
    }
    return reading === undefined ? await withoutTable(crew, trip, failure) : stand(reading, failure);
  }
}

async function withoutTable(crew: Crew, trip: Trip, failure: BrokerError): Promise<Outcome> {
  if (failure.code === 'table_unavailable' && !trip.late.aborted) {
    return await crew.logInBare(trip, trip.memory, failure);
  }
  throw failure;
}

async function advance(crew: Crew, trip: Trip, reading: Reading): Promise<Step> {
  const { want } = trip;
  if (isSatisfied(want, reading, crew.jitter)) {
    return stand(reading);
  }
  refuseWhatIsHeld(crew, want, reading);
  const isForced = want.rejected !== undefined && reading.item.token?.fingerprint === want.rejected;
  const busyUntil = Math.max(stealableAt(reading.item), isForced ? 0 : gapEnds(reading.item));
  const isBusy = busyUntil >= reading.seen.wall;
  if (isBusy && !isPatient(want, reading)) {
    return yieldTo(want, reading);
  }
  const choice = await crew.choose({ ...trip, item: reading.item, past: want.purpose === 'verify', signal: trip.late });
  if (want.purpose === 'verify' && reading.item.token?.versionId === choice.credentials.versionId) {
    return stand(reading);
  }
  if (isBusy) {
    return lose(reading, busyUntil);
  }
  const forced = isForced && { forced: forcedOnceMore(reading.item, reading.seen.wall) };
  return await claim(crew, trip, reading, { ...choice, ...forced });
}

function refuseWhatIsHeld({ observe }: Crew, { purpose }: Want, { item, current, seen }: Reading): void {
  if (item.fault !== undefined) {
    throw new BrokerError('table_unavailable', `the item cannot be used: ${item.fault}`);
  }
  const held = holdOf(item, seen.wall);
  if (held !== undefined) {
    observe({ kind: 'retry_held', account: item.account });
    throw held;
  }
  if (current !== undefined && (item.renewAt ?? 0) > seen.wall && purpose !== 'verify') {
    throw renewalError(item);
  }
}

function renewalError({ lastError }: Item): BrokerError {
  return new BrokerError(lastError?.code ?? 'upstream_unavailable', 'a renewal failed a short while ago');
}

/** Waits for whoever is at it, unless that login is only a probe after a failed one. */
function lose(reading: Reading, againAt: number): Step {
  const failed = probedFailure(reading);
  if (failed !== undefined) {
    throw failed;
  }
  return { againAt };
}

/** Whoever joined this flight does not wait for a probe either. */
function announceProbe({ probing }: Trip, reading: Reading): void {
  const failed = probedFailure(reading);
  if (failed !== undefined) {
    probing?.(stand(reading, failed));
  }
}

function probedFailure({ item, current }: Reading): BrokerError | undefined {
  return current === undefined ? probeError(item) : undefined;
}

async function claim(crew: Crew, trip: Trip, reading: Reading, choice: Choice): Promise<Step> {
  const { clock, attempt } = crew;
  const { want, memory, remaining } = trip;
  const { item, seen, current } = reading;
  const left = remaining();
  if (left < loginNeedsMs) {
    throw new BrokerError('deadline', 'too little time was left to claim');
  }
  if (!isSteady(clock, seen)) {
    return { againAt: clock.now() };
  }
  const spare = current !== undefined && (want.purpose === 'serve' || want.purpose === 'look');
  const brief = spare && item.renewAt === undefined;
  const deadlineMs = loginLimitMs(left);
  if (spare && !outlasts(current, clock.now() + (brief ? briefMs : deadlineMs))) {
    return stand(reading, brief ? undefined : renewalError(item));
  }
  announceProbe(trip, reading);
  return afterAttempt(crew, want, reading, await attempt({ ...choice, item, memory, spare, brief, deadlineMs }));
}

/** Whether the token can be served after a login that took until `end` and failed. */
function outlasts(token: Token, end: number): boolean {
  return servableUntil(token) >= end + answerReserveMs;
}

type Choice = Omit<Errand, 'item' | 'memory' | 'spare' | 'brief' | 'deadlineMs'>;

function afterAttempt({ clock }: Crew, want: Want, reading: Reading, end: AttemptEnd): Step {
  switch (end.kind) {
    case 'issued':
      return { token: end.token, seen: end.sent, source: 'upstream', kept: end.kept };
    case 'failed':
      throw end.error;
    case 'lost':
      return isPatient(want, reading) ? { againAt: Number.POSITIVE_INFINITY } : yieldTo(want, reading);
    case 'refused':
    case 'expired':
      return { againAt: clock.now() };
  }
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

/** Leaves the renewal to whoever is at it; one that was to log in says that it did not. */
function yieldTo({ purpose }: Want, reading: Reading): Outcome {
  const late = new BrokerError('renewal_in_progress', 'another login is, or was a moment ago, under way');
  return stand(reading, purpose === 'verify' ? late : undefined);
}

function stand({ current, seen }: Reading, failure?: BrokerError): Outcome {
  const token = current === undefined ? {} : { token: current };
  return { ...token, seen, source: 'shared', kept: true, ...(failure !== undefined && { failure }) };
}
