// Keeps one claim and the login it buys inside the lease. Made by leased-login.ts for each claim.
import { type Clock, clockToleranceMs, type Moment, momentOf } from './clock.ts';

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
        return false;
      }
      sent = now;
      if (limits.cutAfterSendMs !== undefined) {
        void abortAfter(limits.cutAfterSendMs);
      }
      return true;
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
