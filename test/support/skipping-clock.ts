import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../lambda/broker/ports.ts';

/** The system's time, from which hours can be left out: for tests of real servers, which take their own time. */
export interface SkippingClock extends Clock {
  readonly skip: (ms: number) => void;
}

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
