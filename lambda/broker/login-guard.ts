import { clockToleranceMs } from './item.ts';
import type { Clock } from './ports.ts';

/** Thrown right before the first byte when the claim is too old to be sure that it still holds. */
export class GuardExpired extends Error {
  override readonly name = 'GuardExpired';
}

/** A moment, by both clocks. Milliseconds. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** What covers one claim and the one login it buys. */
export interface Guard {
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  readonly armed: Moment;
  /** The wall clock as if it had not jumped since: what is written after a login counts for all. Epoch milliseconds. */
  readonly now: () => number;
  /** Right before the first byte; throws `GuardExpired` if more than 2 s went by since arming, by either clock. */
  readonly beforeFirstByte: () => void;
  /** When the first byte was let through. */
  readonly sent: () => Moment | undefined;
  readonly disarm: () => void;
}

/** A login is begun only with this much of the invocation left. Milliseconds. */
export const loginNeedsMs = 10_000;

/** Kept free for answering. Milliseconds. */
export const answerReserveMs = 500;

const loginDeadlineMs = 8000;
/** How long after a thaw a deadline may be noticed late. Milliseconds. */
const checkEveryMs = 500;
/** Kept free of the login for writing its result and for answering. Milliseconds. */
export const settleReserveMs = 2500;

/** How long claim and login together may take in an invocation with `leftMs` left. Milliseconds. */
export function loginLimitMs(leftMs: number): number {
  return Math.min(loginDeadlineMs, leftMs - settleReserveMs);
}

/** This moment, by both clocks. */
export function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/** Whether both clocks agree on how much time went by since `moment`: neither jumped, and we were not stopped unseen. */
export function isSteady(clock: Clock, moment: Moment): boolean {
  const wallMs = clock.now() - moment.wall;
  const monotonicMs = clock.monotonic() - moment.monotonic;
  return Math.abs(wallMs - monotonicMs) <= clockToleranceMs;
}

/**
 * Arms a guard: to be done before the claim, so that the time the claim took counts.
 *
 * @param limits `deadlineMs` from now for claim and login together; `cutAfterSendMs` from the first byte on, where given
 */
export function armGuard(
  clock: Clock,
  limits: { readonly deadlineMs: number; readonly cutAfterSendMs?: number },
): Guard {
  const deadline = new AbortController();
  const disarmed = new AbortController();
  const armed = momentOf(clock);
  let sent: Moment | undefined;
  // By the wall clock too: while a machine is suspended the monotonic clock may stand still, and timers with it.
  const abortAfter = async (ms: number) => {
    const start = momentOf(clock);
    const leftMs = () => ms - Math.max(clock.now() - start.wall, clock.monotonic() - start.monotonic);
    for (let left = leftMs(); left > 0 && !disarmed.signal.aborted; left = leftMs()) {
      await clock.sleep(Math.min(checkEveryMs, left), disarmed.signal);
    }
    await eventLoopTurns();
    if (!disarmed.signal.aborted) {
      deadline.abort();
    }
  };
  void abortAfter(limits.deadlineMs);
  return {
    signal: deadline.signal,
    armed,
    now: () => Math.round(armed.wall + clock.monotonic() - armed.monotonic),
    beforeFirstByte: () => {
      const now = momentOf(clock);
      if (!isWithin(now.wall - armed.wall) || !isWithin(now.monotonic - armed.monotonic)) {
        throw new GuardExpired('too long between claim and login');
      }
      sent = now;
      if (limits.cutAfterSendMs !== undefined) {
        void abortAfter(limits.cutAfterSendMs);
      }
    },
    sent: () => sent,
    disarm: () => disarmed.abort(),
  };
}

function isWithin(elapsedMs: number): boolean {
  return Math.abs(elapsedMs) <= clockToleranceMs;
}

/**
 * Two turns of the event loop. After a freeze the timers fire first; an answer that arrived meanwhile lies in the
 * socket and is read in the turn after.
 */
async function eventLoopTurns(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
}
