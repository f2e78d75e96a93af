// Tests how the core compares its two clocks (lambda/broker/clock.ts).
import { describe, expect, test } from 'vitest';
import {
  type Clock,
  dayMs,
  elapsedSince,
  hourMs,
  isSteady,
  minuteMs,
  momentOf,
  timeSince,
} from '../../../../lambda/broker/clock.ts';

const noon = Date.UTC(2026, 0, 15, 12);
const before = { wall: noon, monotonic: 700 };

/** Clocks that say that this much time went by since `before`. */
function clockAfter(wallMs: number, monotonicMs: number): Clock {
  return { now: () => noon + wallMs, monotonic: () => 700 + monotonicMs, sleep: async () => {} };
}

test('has the durations of a minute, an hour and a day in milliseconds', () => {
  expect([minuteMs, hourMs, dayMs]).toEqual([60_000, 3_600_000, 86_400_000]);
});

test('takes a moment by both clocks', () => {
  expect(momentOf(clockAfter(5, 3))).toEqual({ wall: noon + 5, monotonic: 703 });
});

test('counts the time since a moment by the monotonic clock when the wall clock was set', () => {
  expect(timeSince(clockAfter(-90_000, 4000), before)).toBe(noon + 4000);
  expect(timeSince(clockAfter(90_000, 4000), before)).toBe(noon + 4000);
});

test('rounds the time since a moment to whole milliseconds, because the table stores whole numbers', () => {
  expect(timeSince(clockAfter(1, 1.4), before)).toBe(noon + 1);
  expect(timeSince(clockAfter(1, 1.6), before)).toBe(noon + 2);
});

describe('two clocks', () => {
  test.for([
    [10_000, 10_000],
    [12_000, 10_000],
    [10_000, 12_000],
  ])(
    'the clocks are steady when the wall clock measured %i ms and the monotonic clock %i ms',
    ([wallMs = 0, monotonicMs = 0]) => {
      expect(isSteady(clockAfter(wallMs, monotonicMs), before)).toBe(true);
    },
  );

  test.for([
    [12_001, 10_000],
    [10_000, 12_001],
    [-10_000, 10_000],
  ])(
    'the clocks are not steady when the wall clock measured %i ms and the monotonic clock %i ms',
    ([wallMs = 0, monotonicMs = 0]) => {
      expect(isSteady(clockAfter(wallMs, monotonicMs), before)).toBe(false);
    },
  );
});

test('counts the time that went by with the clock that says more', () => {
  expect(elapsedSince(clockAfter(3000, 2000), before)).toBe(3000);
  expect(elapsedSince(clockAfter(-3000, 2000), before)).toBe(2000);
});
