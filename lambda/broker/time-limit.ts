// Limits how long a piece of work may take. Used by account-broker, refresh-loop and leased-login.
import type { Clock } from './clock.ts';

/** Starts a time limit: `late` aborts after `ms` milliseconds, unless `stop` is called before. */
export function startTimeLimit(clock: Clock, ms: number): { readonly late: AbortSignal; readonly stop: () => void } {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(() => late.abort());
  return { late: late.signal, stop: () => done.abort() };
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
