// Limits how long a piece of work may take. Used by account-broker, refresh-loop and leased-login.
import type { Clock } from './clock.ts';

/** A time limit that runs. */
export interface TimeLimit {
  /** Aborts when the time is over or the limit is stopped. */
  readonly late: AbortSignal;
  /** Ends the timer, and aborts what still runs: nothing may run after the answer. */
  readonly stop: () => void;
}

/** Starts a time limit of `ms` milliseconds. */
export function startTimeLimit(clock: Clock, ms: number): TimeLimit {
  const late = new AbortController();
  const stop = () => late.abort();
  void clock.sleep(ms, late.signal).then(stop);
  return { late: late.signal, stop };
}

/** Gives the work a signal that aborts after `ms` milliseconds. The limit ends with the work. */
export async function withTimeLimit<T>(clock: Clock, ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const { late, stop } = startTimeLimit(clock, ms);
  try {
    return await work(late);
  } finally {
    stop();
  }
}
