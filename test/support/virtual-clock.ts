// A clock that moves only when the test says so. Used by unit and scenario tests.
import type { Clock } from '../../lambda/broker/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that only the test moves. */
export interface VirtualClock extends Clock {
  /** Moves the clock by `ms`. Ends each sleep at its time, in order, and lets the code run after each. */
  readonly advance: (ms: number) => Promise<void>;
  /** Moves the clock until the promise settles. @throws Error if that takes more than `limitMs` */
  readonly until: <T>(promise: Promise<T>, limitMs?: number) => Promise<T>;
  /** A clock that moves with this one, with its wall clock ahead by `offsetMs`. The offset may change. Milliseconds. */
  readonly shifted: (offsetMs: () => number) => Clock;
}

/** Waits some turns of the event loop: enough for code that waits only for promises, `setImmediate` or loopback. */
export async function settle(turns = 6): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Creates a clock at `startMs` (epoch milliseconds). The default is a whole second, since `Date` headers have whole
 * seconds.
 *
 * @param quiet resolves when all running code waits for time only
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
