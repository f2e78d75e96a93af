// Tests when an environment with a servable token looks at the table (lambda/broker/look-timer.ts).
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../../lambda/broker/clock.ts';
import { createLookTimer } from '../../../../lambda/broker/look-timer.ts';

const hourMs = 3_600_000;
const start = Date.UTC(2026, 0, 15, 12);

/** A timer over two clocks that the test moves, and a token of a day. */
function startTimer(jitter = 0) {
  let wall = start;
  let monotonic = 0;
  const clock: Clock = { now: () => wall, monotonic: () => monotonic, sleep: async () => {} };
  const times = { issuedAt: start, lifetimeMs: 24 * hourMs, versionId: 'v1' };
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f', ...times };
  const ends = { wallUntil: start + 24 * hourMs, monotonicUntil: 24 * hourMs };
  const cached = { token, ...ends, generation: 0, isRenewalFailing: false };
  const timer = createLookTimer(clock, jitter);
  return {
    look: (hasSeen = true) => {
      timer.begin('check');
      timer.end(hasSeen);
    },
    begin: timer.begin,
    due: (leftMs = 25_000) => timer.due(cached, wall, leftMs),
    pass: (wallMs: number, monotonicMs = wallMs) => {
      wall += wallMs;
      monotonic += monotonicMs;
    },
  };
}

test('a look is due at once when there was none', () => {
  expect(startTimer().due()).toBe('check');
});

test('no look is due when less than 2.5 s are left of the invocation', () => {
  const { due } = startTimer();

  expect(due(2499)).toBeUndefined();
  expect(due(2500)).toBe('check');
});

test('no look is due when the token is served for less than 2.5 s more', () => {
  const { due, pass } = startTimer();
  pass(24 * hourMs - 2500);
  expect(due()).toBe('refresh-ahead');
  pass(1);

  expect(due()).toBeUndefined();
});

describe('in the renewal window', () => {
  /** The last 10 minutes of the day. */
  const beforeMs = 24 * hourMs - 600_000;

  test('a refresh is due from its first millisecond on, which comes later by the jitter', () => {
    for (const [jitter, laterMs] of [
      [0, 0],
      [1, 150_000],
    ] as const) {
      const { look, due, pass } = startTimer(jitter);
      pass(beforeMs + laterMs - 1);
      look();
      expect(due()).toBeUndefined();
      pass(1);
      expect(due()).toBe('refresh-ahead');
    }
  });

  test('a refresh is due 10 s after the one before it', () => {
    for (const kind of ['serve', 'refresh-ahead', 'warm', 'verify'] as const) {
      const { begin, due, pass } = startTimer();
      pass(beforeMs);
      begin(kind);
      pass(9999);
      expect(due()).toBeUndefined();
      pass(1);
      expect(due()).toBe('refresh-ahead');
    }
  });

  test('a refresh is due although a check was a moment ago', () => {
    const { begin, due, pass } = startTimer();
    pass(beforeMs);
    begin('check');

    expect(due()).toBe('refresh-ahead');
  });

  test('no refresh is due but only a check when the invocation has less than 10 s left for a login', () => {
    const { due, pass } = startTimer();
    pass(beforeMs);

    expect(due(9999)).toBe('check');
    expect(due(10_000)).toBe('refresh-ahead');
  });
});

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
