import type { Clock } from '../../lambda/broker/ports.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes only when a test says so. */
export interface VirtualClock extends Clock {
  /** Lets `ms` go by, waking whoever sleeps in the order of their times, and lets the code run on in between. */
  readonly advance: (ms: number) => Promise<void>;
  /** Lets time go by until the promise is settled, at most `limitMs`. */
  readonly until: <T>(promise: Promise<T>, limitMs?: number) => Promise<T>;
  /** A clock that shares this one's time but shows another wall clock time. Milliseconds, may change. */
  readonly shifted: (offsetMs: () => number) => Clock;
}

/** Some turns of the event loop: enough for code that waits for no more than promises, `setImmediate` or loopback. */
export async function settle(turns = 6): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Starts at a whole second, so that `Date` headers made from it lose nothing.
 *
 * @param quiet resolves when the code that runs waits for nothing but time
 */
export function createVirtualClock(
  startMs = Date.UTC(2026, 0, 15, 12),
  quiet: () => Promise<void> = settle,
): VirtualClock {
  let elapsedMs = 0;
  const sleepers = new Set<Sleeper>();

  const sleep: Clock['sleep'] = async (ms, signal) => {
    if (signal?.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const sleeper: Sleeper = {
        at: elapsedMs + Math.max(0, ms),
        wake: () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  };

  function earliest(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (first === undefined || sleeper.at < first.at) {
        first = sleeper;
      }
    }
    return first;
  }

  async function advance(ms: number): Promise<void> {
    const target = elapsedMs + ms;
    await quiet();
    for (let next = earliest(); next !== undefined && next.at <= target; next = earliest()) {
      elapsedMs = Math.max(elapsedMs, next.at);
      next.wake();
      await quiet();
    }
    elapsedMs = target;
    await quiet();
  }

  async function until<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    const done = () => {
      isSettled = true;
    };
    promise.then(done, done);
    const target = elapsedMs + limitMs;
    await quiet();
    while (!isSettled) {
      const next = earliest();
      if (next === undefined || next.at > target) {
        throw new Error(`not settled within ${limitMs} virtual milliseconds`);
      }
      await advance(Math.max(0, next.at - elapsedMs));
    }
    return await promise;
  }

  const monotonic = () => elapsedMs;
  const now = () => Math.floor(startMs + elapsedMs);
  const shifted = (offsetMs: () => number): Clock => ({ now: () => now() + offsetMs(), monotonic, sleep });
  return { now, monotonic, sleep, advance, until, shifted };
}
