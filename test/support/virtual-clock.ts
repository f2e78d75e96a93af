// A clock that moves only when the test says so. Used by unit and scenario tests.
import type { Clock } from '../../lambda/broker/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
  isAwake: boolean;
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
  const sleepers = createQueue();

  const sleep: Clock['sleep'] = async (ms, signal) => {
    if (signal?.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const sleeper: Sleeper = {
        at: elapsedMs + Math.max(0, ms),
        isAwake: false,
        wake: () => {
          sleeper.isAwake = true;
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  };

  async function advance(ms: number): Promise<void> {
    const target = elapsedMs + ms;
    await quiet();
    for (let next = sleepers.first(); next !== undefined && next.at <= target; next = sleepers.first()) {
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
      const next = sleepers.first();
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

/** Sleepers by the time at which they wake; those that wake together in the order in which they went to sleep. */
function createQueue() {
  const queue: Sleeper[] = [];
  return {
    add: (sleeper: Sleeper) => {
      let [low, high] = [0, queue.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        // The first to wake is at the end, where it is quick to remove.
        if ((queue[middle]?.at ?? 0) > sleeper.at) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      queue.splice(low, 0, sleeper);
    },
    first: (): Sleeper | undefined => {
      while (queue.at(-1)?.isAwake) {
        queue.pop();
      }
      return queue.at(-1);
    },
  };
}
