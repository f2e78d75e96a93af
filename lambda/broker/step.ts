import { asBrokerError, BrokerError } from '../errors.ts';
import { type Candidates, type Choice, createCredentialChoice } from './credential-selection.ts';
import { type Flight, type Outcome, stand } from './flight.ts';
import {
  clockToleranceMs,
  forcedOnceMore,
  gapEnds,
  holdOf,
  type Item,
  probeError,
  servableToken,
  stealableAt,
} from './item.ts';
import type { Reading } from './item-reader.ts';
import { type AttemptEnd, briefMs, createAttempt, type Errand } from './leased-login.ts';
import type { Recollection } from './local-state.ts';
import { isSteady, loginLimitMs, loginNeedsMs, settleReserveMs } from './login-guard.ts';
import type { Ports } from './ports.ts';
import { servableUntil } from './token.ts';
import { isPatient, isSatisfied, type Want } from './want.ts';

/** A flight under way. */
export interface Trip extends Flight {
  readonly recollection: Recollection;
  /** Aborts at `until`. */
  readonly late: AbortSignal;
}

/** The flight is over, or the table is to be read again, at the latest at `againAt` (wall clock). */
export type Step = Outcome | { readonly againAt: number };

type Crew = ReturnType<typeof crewOf>;

function crewOf(ports: Ports, jitter: number) {
  return { ...ports, jitter, choose: createCredentialChoice(ports), attempt: createAttempt(ports) };
}

/**
 * What a flight does on the item as it was read: is content with it, waits for another's login, or claims and logs in.
 *
 * @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1
 */
export function createStep(ports: Ports, jitter: number): (trip: Trip, reading: Reading) => Promise<Step> {
  const crew = crewOf(ports, jitter);
  return (trip, reading) => advance(crew, trip, reading);
}

async function advance(crew: Crew, trip: Trip, reading: Reading): Promise<Step> {
  const { want } = trip;
  const { item, seen } = reading;
  if (isSatisfied(want, reading, crew.jitter)) {
    return stand(reading);
  }
  refuseWhatIsHeld(crew, want, reading);
  const isForced = want.rejected !== undefined && servableToken(item, seen.wall)?.fingerprint === want.rejected;
  const busyUntil = Math.max(stealableAt(item), isForced ? 0 : gapEnds(item));
  if (busyUntil >= seen.wall) {
    return isPatient(want, reading) ? await lose(crew, trip, reading, busyUntil) : yieldTo(want, reading);
  }
  const choice = await crew.choose(candidatesOf(trip, reading));
  if (want.purpose === 'verify' && item.token?.versionId === choice.credentials.versionId) {
    return stand(reading);
  }
  const forced = isForced && { forced: forcedOnceMore(item, seen.wall) };
  return await claim(crew, trip, reading, { ...choice, ...forced });
}

function candidatesOf({ want, recollection, late }: Trip, { item }: Reading): Candidates {
  return { item, recollection, past: want.purpose === 'verify', signal: late };
}

function refuseWhatIsHeld({ observe }: Crew, { purpose }: Want, { item, current, seen }: Reading): void {
  if (item.fault !== undefined) {
    throw new BrokerError('table_unavailable', `the item cannot be used: ${item.fault}`);
  }
  const held = holdOf(item, seen.wall);
  if (held !== undefined) {
    // An operator's pause is no trouble that an alarm should tell of.
    if (held.code !== 'paused') {
      observe({ kind: 'retry_held', account: item.account });
    }
    throw held;
  }
  if (current !== undefined && (item.renewAt ?? 0) > seen.wall && purpose !== 'verify') {
    throw renewalError(item);
  }
}

function renewalError({ lastError }: Item): BrokerError {
  return new BrokerError(lastError?.code ?? 'upstream_unavailable', 'a renewal failed a short while ago');
}

/** Waits for whoever is at it, unless that login is only a probe, or our own version of the secret is refused. */
async function lose(crew: Crew, trip: Trip, reading: Reading, againAt: number): Promise<Step> {
  try {
    // A verification asks Secrets Manager each time: not at every poll, but when it is its turn.
    if (trip.want.purpose !== 'verify') {
      await crew.choose(candidatesOf(trip, reading));
    }
  } catch (thrown) {
    // The other login may well do without Secrets Manager.
    if (asBrokerError(thrown).code !== 'secret_unavailable') {
      throw thrown;
    }
  }
  const failed = probedFailure(reading);
  if (failed !== undefined) {
    throw failed;
  }
  return { againAt };
}

function probedFailure({ item, current }: Reading): BrokerError | undefined {
  return current === undefined ? probeError(item) : undefined;
}

/** Nobody waits for a login who could be served without it, or for one that only probes. */
function announceWhatIsHad({ announce }: Trip, reading: Reading): void {
  const failed = probedFailure(reading);
  if (reading.current !== undefined || failed !== undefined) {
    announce?.(stand(reading, failed));
  }
}

async function claim(crew: Crew, trip: Trip, reading: Reading, choice: Claimable): Promise<Step> {
  const { clock, attempt } = crew;
  const { want, recollection, remaining } = trip;
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
  if (spare && servableUntil(current) < clock.now() + longestMs(brief, deadlineMs)) {
    return stand(reading, brief ? undefined : renewalError(item));
  }
  announceWhatIsHad(trip, reading);
  const end = await attempt({ ...choice, item, recollection, spare, brief, deadlineMs });
  return afterAttempt(crew, want, reading, end);
}

/** How long a login that fails can keep the token waiting that is to be served then. Milliseconds. */
function longestMs(brief: boolean, deadlineMs: number): number {
  return (brief ? Math.min(clockToleranceMs + briefMs, deadlineMs) : deadlineMs) + settleReserveMs;
}

type Claimable = Choice & Pick<Errand, 'forced'>;

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

/** Leaves the renewal to whoever is at it; one that was to log in says that it did not. */
function yieldTo({ purpose }: Want, reading: Reading): Outcome {
  const notDone = new BrokerError('renewal_in_progress', 'another login is, or was a moment ago, under way');
  return stand(reading, purpose === 'verify' ? notDone : undefined);
}
