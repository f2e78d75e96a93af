// Tests when an environment with a servable token looks at the table (lambda/broker/look-timer.ts).
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../../lambda/broker/clock.ts';
import { createLookTimer } from '../../../../lambda/broker/look-timer.ts';

const hourMs = 3_600_000;
const start = Date.UTC(2026, 0, 15, 12);

/** A timer over two clocks that the test moves, and a token of a day. */
function startTimer() {
  let wall = start;
  let monotonic = 0;
  const clock: Clock = { now: () => wall, monotonic: () => monotonic, sleep: async () => {} };
  const times = { issuedAt: start, lifetimeMs: 24 * hourMs, versionId: 'v1' };
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f', ...times };
  const ends = { wallUntil: start + 24 * hourMs, monotonicUntil: 24 * hourMs };
  const cached = { token, ...ends, generation: 0, isRenewalFailing: false };
  const timer = createLookTimer(clock, 0);
  return {
    look: (hasSeen = true) => {
      timer.begin('check');
      timer.end(hasSeen);
    },
    due: () => timer.due(cached, wall, 25_000),
    pass: (wallMs: number, monotonicMs = wallMs) => {
      wall += wallMs;
      monotonic += monotonicMs;
    },
  };
}

describe('promise 76: before the renewal window', () => {
  test('a look is due 50 s after the one before it', () => {
    const { look, due, pass } = startTimer();
    look();
    pass(49_999);
    expect(due()).toBeUndefined();
    pass(1);
    expect(due()).toBe('check');
  });

  test('a look is due by the clock that says more', () => {
    for (const [wallMs, monotonicMs] of [
      [50_000, 100],
      [100, 50_000],
      [-hourMs, 50_000],
    ] as const) {
      const { look, due, pass } = startTimer();
      look();
      pass(wallMs, monotonicMs);
      expect(due()).toBe('check');
    }
  });

  test('a look is due 5 s after one that failed, and 50 s after one that did not', () => {
    const { look, due, pass } = startTimer();
    look(false);
    pass(4999);
    expect(due()).toBeUndefined();
    pass(1);
    expect(due()).toBe('check');
    look();
    pass(5000);
    expect(due()).toBeUndefined();
  });
});
