// Keeps one claim and the login it buys inside the lease. Made by leased-login.ts for each claim.
import { type Clock, clockToleranceMs, elapsedSince, type Moment, momentOf, timeSince } from '../clock.ts';

/** What covers one claim and the one login it buys. */
export interface Guard {
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  readonly armed: Moment;
  /** The wall clock as if it had not jumped since: what is written after a login counts for all. Epoch milliseconds. */
  readonly now: () => number;
  /** Whether the first byte may be sent: false if more than 2 s went by since arming, by either clock. */
  readonly beforeFirstByte: () => boolean;
  /** When the first byte was let through. */
  readonly sent: () => Moment | undefined;
  /** Moves the deadline to `ms` from now, at most to the longest time allowed. */
  readonly extend: (ms: number) => void;
  /** Aborts, after an answer that has already arrived is read. */
  readonly cut: () => void;
  readonly disarm: () => void;
}

/** A login is begun only with this much of the invocation left. Milliseconds. */
export const loginNeedsMs = 10_000;

/** Kept free for answering. Milliseconds. */
export const answerReserveMs = 500;

/** How long a login waits for its answer, unless it listens longer. Milliseconds. */
export const loginDeadlineMs = 8000;
/** How long after a thaw a deadline may be noticed late. Milliseconds. */
const checkEveryMs = 500;
/** Kept free of the login for writing its result and for answering. Milliseconds. */
export const settleReserveMs = 2500;

/** How long a login that listens for a late answer may take. Milliseconds. */
export const patientDeadlineMs = 21_000;

/** How long claim and login together may take in an invocation with `leftMs` left. Milliseconds. */
export function loginLimitMs(leftMs: number): number {
  return Math.min(loginDeadlineMs, leftMs - settleReserveMs);
}

/** The same for a login that listens for a late answer, and whose lease is made to last longer meanwhile. Milliseconds. */
export function patientLimitMs(leftMs: number): number {
  return Math.min(patientDeadlineMs, leftMs - settleReserveMs);
}

/** How long one claim and its login may take. Milliseconds. */
export interface GuardLimits {
  /** From arming, for claim and login together. */
  readonly deadlineMs: number;
  /** The longest that `extend` allows, from arming. @default `deadlineMs` */
  readonly patientMs?: number;
  /** From the first byte on. @default the deadline only */
  readonly cutAfterSendMs?: number;
}

/** Arms a guard. Arm it before the claim, so that the time of the claim counts. */
export function armGuard(clock: Clock, { deadlineMs, patientMs = deadlineMs, cutAfterSendMs }: GuardLimits): Guard {
  const deadline = new AbortController();
  const disarmed = new AbortController();
  const armed = momentOf(clock);
  let untilMs = deadlineMs;
  let sent: Moment | undefined;
  const elapsedMs = () => elapsedSince(clock, armed);
  // By the wall clock too: while a machine is suspended the monotonic clock may stand still, and timers with it.
  const abortAt = async (leftMs: () => number) => {
    for (let left = leftMs(); left > 0 && !disarmed.signal.aborted; left = leftMs()) {
      await clock.sleep(Math.min(checkEveryMs, left), disarmed.signal);
    }
    await eventLoopTurns();
    if (!disarmed.signal.aborted) {
      deadline.abort();
    }
  };
  void abortAt(() => untilMs - elapsedMs());
  return {
    signal: deadline.signal,
    armed,
    now: () => timeSince(clock, armed),
    beforeFirstByte: () => {
      const now = momentOf(clock);
      if (!isWithin(now.wall - armed.wall) || !isWithin(now.monotonic - armed.monotonic)) {
        return false;
      }
      sent = now;
      if (cutAfterSendMs !== undefined) {
        void abortAt(() => cutAfterSendMs - elapsedSince(clock, now));
      }
      return true;
    },
    sent: () => sent,
    extend: (ms) => {
      untilMs = Math.min(patientMs, elapsedMs() + ms);
    },
    cut: () => void eventLoopTurns().then(() => deadline.abort()),
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
