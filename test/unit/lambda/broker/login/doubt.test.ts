// Tests how often a password that may be wrong is sent (lambda/broker/login/doubt.ts).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hasRested,
  keyTag,
  mayBeLocked,
  recent,
  restsUntil,
  sendableAt,
} from '../../../../../lambda/broker/login/doubt.ts';

const now = Date.UTC(2026, 10, 24, 12);
const hourMs = 3_600_000;
const key = 'a'.repeat(64);
const other = 'b'.repeat(64);

/** Sends at these hours ago, oldest first. */
function sends(hoursAgo: readonly number[], of = key) {
  return hoursAgo.map((hours) => ({ at: now - hours * hourMs, tag: keyTag(of) }));
}

describe('promise 71: one version of the secret', () => {
  test('may be sent until it was sent three times in 24 hours', () => {
    expect(sendableAt([], key, now)).toBe(0);
    expect(sendableAt(sends([20, 1]), key, now)).toBe(0);
    expect(sendableAt(sends([20, 1, 0.5]), key, now)).toBe(now + 4 * hourMs);
  });

  test('counts only its own sends of the last 24 hours', () => {
    expect(sendableAt([...sends([24, 23, 1]), ...sends([0.5, 0.4], other)], key, now)).toBe(0);
    expect(recent(sends([24, 23.99]), now)).toHaveLength(1);
  });

  test('has rested when it was not sent within the hour, whatever else was', () => {
    expect(hasRested(sends([1]), key, now)).toBe(true);
    expect(hasRested(sends([0.9]), key, now)).toBe(false);
    expect(hasRested(sends([0.9], other), key, now)).toBe(true);
  });

  test('is never sent a fourth time in any 24 hours when it is sent as soon as it may be', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 30 * hourMs }), { minLength: 10, maxLength: 40 });
    fc.assert(
      fc.property(waits, (gaps) => {
        const log: { at: number; tag: string }[] = [];
        let clock = now;
        for (const gap of gaps) {
          clock = Math.max(clock + gap, sendableAt(log, key, clock + gap));
          log.push({ at: clock, tag: keyTag(key) });
        }
        const times = log.map(({ at }) => at);
        expect(times.every((at, index) => at - (times[index - 3] ?? Number.NEGATIVE_INFINITY) >= 24 * hourMs)).toBe(
          true,
        );
      }),
    );
  });
});

describe('promise 77: a user whose passwords were refused', () => {
  test('rests after three refused sends within an hour, whatever their versions, until the first is an hour old', () => {
    const log = [...sends([0.5]), ...sends([0.4], other), ...sends([0.1], 'c'.repeat(64))];

    expect(restsUntil(log, now)).toBe(now + 0.5 * hourMs);
    expect(restsUntil(log.slice(1), now)).toBe(0);
    expect(restsUntil(sends([2, 1, 0.5, 0.1]), now)).toBe(0);
  });

  test('may have been locked when other passwords were refused within the hour', () => {
    expect(mayBeLocked(sends([0.5], other), key, now)).toBe(true);
    expect(mayBeLocked(sends([0.5]), key, now)).toBe(false);
    expect(mayBeLocked(sends([1], other), key, now)).toBe(false);
  });
});
