// Limits how long a piece of work may take. Used by account-broker, refresh-loop and leased-login.
import type { Clock } from './clock.ts';

/** A time limit that runs. */
export interface TimeLimit {
  /** Aborts when the time is over. */
  readonly late: AbortSignal;
  readonly stop: () => void;
  /** Aborts now. */
  readonly cut: () => void;
}

/** Starts a time limit: `late` aborts after `ms` milliseconds, unless `stop` is called before. */
export function startTimeLimit(clock: Clock, ms: number): TimeLimit {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(() => late.abort());
  return { late: late.signal, stop: () => done.abort(), cut: () => late.abort() };
}

/** Gives the work a signal that aborts after `ms` milliseconds. The timer ends with the work. */
export async function withTimeLimit<T>(clock: Clock, ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const { late, stop } = startTimeLimit(clock, ms);
  try {
    return await work(late);
  } finally {
    stop();
  }
}
