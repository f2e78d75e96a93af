// Tests how long a piece of work may take (lambda/broker/time-limit.ts).
import { expect, test } from 'vitest';
import { startTimeLimit, withTimeLimit } from '../../../../lambda/broker/time-limit.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

/** A clock that counts its timers. */
function countingClock() {
  const clock = createVirtualClock();
  let timers = 0;
  const sleep: typeof clock.sleep = async (ms, signal) => {
    timers += 1;
    await clock.sleep(ms, signal);
    timers -= 1;
  };
  return { clock, counting: { ...clock, sleep }, timers: () => timers };
}

test('aborts the work when its time is over, and not a millisecond before', async () => {
  const clock = createVirtualClock();
  const { late } = startTimeLimit(clock, 500);
  await clock.advance(499);
  expect(late.aborted).toBe(false);
  await clock.advance(1);

  expect(late.aborted).toBe(true);
});

test('ends the timer and aborts what still runs at once when the limit is stopped', async () => {
  const { clock, counting, timers } = countingClock();
  const { late, stop } = startTimeLimit(counting, 500);
  expect(timers()).toBe(1);
  stop();
  expect(late.aborted).toBe(true);
  await clock.advance(0);

  expect(timers()).toBe(0);
});

test('returns what the work returns, and ends the timer', async () => {
  const { clock, counting, timers } = countingClock();
  let limit: AbortSignal | undefined;
  const work = withTimeLimit(counting, 500, async (late) => {
    limit = late;
    await clock.sleep(200);
    return late.aborted;
  });

  expect(await clock.until(work)).toBe(false);
  await clock.advance(0);
  expect(timers()).toBe(0);
  expect(limit?.aborted).toBe(true);
});

test('passes on what the work throws, and ends the timer', async () => {
  const { clock, counting, timers } = countingClock();
  const work = withTimeLimit(counting, 500, () => Promise.reject(new Error('odd')));

  await expect(work).rejects.toThrow('odd');
  await clock.advance(0);
  expect(timers()).toBe(0);
});

test('aborts work that takes too long', async () => {
  const clock = createVirtualClock();
  const work = withTimeLimit(clock, 500, async (late) => {
    await clock.sleep(60_000, late);
    return clock.monotonic();
  });

  expect(await clock.until(work)).toBe(500);
});
