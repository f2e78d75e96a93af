// A token bucket on virtual time, as AWS throttles with. Used by partition.ts and burst.test.ts.
import type { Clock } from '../../lambda/broker/clock.ts';

export interface BucketOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly perSecond: number;
  /** What it holds when it is full, as it is at first. */
  readonly burst: number;
}

/** Returns a function that takes units out of the bucket, and says whether it held as many. */
export function createBucket({ clock, perSecond, burst }: BucketOptions): (units: number) => boolean {
  let left = burst;
  let at = clock.monotonic();
  return (units) => {
    const now = clock.monotonic();
    left = Math.min(burst, left + ((now - at) * perSecond) / 1000);
    at = now;
    const isTaken = left >= units;
    left -= isTaken ? units : 0;
    return isTaken;
  };
}
