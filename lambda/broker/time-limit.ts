import type { Clock } from './ports.ts';

/** Gives the work a signal that aborts after `ms`; the timer goes with the work. */
export async function withTimeLimit<T>(clock: Clock, ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(() => late.abort());
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}
