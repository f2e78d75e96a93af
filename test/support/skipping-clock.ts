// A clock that can jump ahead. Used by tests with real servers.
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../lambda/broker/clock.ts';

/** The system's time, plus what the test skipped. For tests of real servers, which cannot run on virtual time. */
export interface SkippingClock extends Clock {
  /** Moves the clock ahead at once. */
  readonly skip: (ms: number) => void;
}

/** Starts at the system's time. */
export function skippingClock(): SkippingClock {
  let skippedMs = 0;
  return {
    now: () => Date.now() + skippedMs,
    monotonic: () => performance.now() + skippedMs,
    sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }).catch(() => {}),
    skip: (ms) => {
      skippedMs += ms;
    },
  };
}

/** The system's time and random numbers, as the handler has them. */
export const realTime = { clock: skippingClock(), random: Math.random };
