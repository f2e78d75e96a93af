// Tests how long the broker waits after a failed login (lambda/broker/backoff.ts).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, classOf, isAccountBroken } from '../../../../lambda/broker/backoff.ts';
import type { FailedLogin } from '../../../../lambda/broker/ports.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function failure(
  code: ErrorCode,
  rest: { readonly answer?: FailedLogin['answer']; readonly retryAfterMs?: number } = {},
) {
  return { error: new BrokerError(code, 'detail'), answer: code, ...rest };
}

const retryable = ['upstream_unavailable', 'upstream_timeout', 'upstream_throttled'] as const;
const final = [
  'client_rejected',
  'upstream_contract',
  'upstream_rejected',
  'upstream_redirect',
  'upstream_tls',
  'upstream_invalid_response',
] as const;

describe('the back-off after a failed login', () => {
  test.each(retryable)('backs off for 5 s plus a random part of up to a quarter when a login fails with %s', (code) => {
    expect(backoffMs(failure(code), 1, 0)).toBe(5000);
    expect(backoffMs(failure(code), 1, 0.5)).toBe(5625);
    expect(backoffMs(failure(code), 1, 1)).toBe(6250);
    expect(backoffMs(failure(code), 9, 0)).toBe(5000);
  });

  test.each(final)('backs off for 5 minutes when a login fails with %s', (code) => {
    expect(backoffMs(failure(code), 1, 0)).toBe(5 * minuteMs);
    expect(backoffMs(failure(code), 7, 1)).toBe(5 * minuteMs);
  });

  test('backs off for as long as Retry-After says, but at least 5 s and at most 300 s', () => {
    const asked = (retryAfterMs: number) => backoffMs(failure('upstream_throttled', { retryAfterMs }), 1, 0);

    expect([0, 4999, 5001, 40_000, 300_000, 300_001, 31_536_000_000].map(asked)).toEqual([
      5000, 5000, 5001, 40_000, 300_000, 300_000, 300_000,
    ]);
  });

  test('keeps its own back-off when Retry-After is shorter', () => {
    const broken = failure('upstream_unavailable', { answer: 'html_500', retryAfterMs: 10_000 });

    expect(backoffMs(broken, 3, 0)).toBe(minuteMs);
  });

  test('backs off for one minute when Fegora answered three HTML 500 pages in a row', () => {
    const broken = failure('upstream_unavailable', { answer: 'html_500' });

    expect([1, 2, 3, 4, 100].map((inRow) => backoffMs(broken, inRow, 0))).toEqual([
      5000,
      5000,
      minuteMs,
      minuteMs,
      minuteMs,
    ]);
    expect([1, 2, 3, 4].map((inRow) => isAccountBroken('html_500', inRow))).toEqual([false, false, true, true]);
    expect(isAccountBroken('upstream_unavailable', 3)).toBe(false);
  });

  test('backs off for one minute, doubled each time up to 6 hours, when the answer may be about the password', () => {
    const doubtful = failure('upstream_rejected', { answer: 'doubt' });
    const backoffs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2000].map((inRow) => backoffMs(doubtful, inRow, 1));

    expect(backoffs.map((ms) => ms / minuteMs)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
    expect(backoffs.at(-1)).toBe(6 * hourMs);
  });

  test('backs off for at least 5 s and at most 6 hours after any failure', () => {
    const answers = fc.constantFrom('html_500' as const, 'doubt' as const, 'upstream_unavailable' as const);
    const failures = fc.record({
      code: fc.constantFrom(...retryable, ...final),
      answer: answers,
      retryAfterMs: fc.double({ min: 0, noNaN: true }),
    });
    const chance = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(failures, fc.integer({ min: 1, max: 5000 }), chance, ({ code, ...rest }, inRow, random) => {
        const ms = backoffMs(failure(code, rest), inRow, random);
        expect(ms).toBeGreaterThanOrEqual(5000);
        expect(ms).toBeLessThanOrEqual(6 * hourMs);
      }),
    );
  });
});

describe('the class of a failed login', () => {
  test.each([
    ['invalid_grant', 'refused'],
    ['doubt', 'doubt'],
    ['upstream_throttled', 'throttled'],
    ['upstream_unavailable', 'unavailable'],
    ['html_500', 'unavailable'],
    ['upstream_redirect', 'other'],
    ['upstream_contract', 'other'],
    ['upstream_invalid_response', 'other'],
    ['client_rejected', 'other'],
  ] as const)('of the answer %s is %s', (answer, name) => {
    expect(classOf({ answer, reached: 'answered' })).toBe(name);
  });

  test.each(['upstream_unavailable', 'upstream_timeout', 'upstream_tls', 'doubt'] as const)(
    'of %s depends on what Fegora got',
    (answer) => {
      expect(classOf({ answer, reached: 'no' })).toBe('unsent');
      expect(classOf({ answer, reached: 'unknown' })).toBe('unknown');
    },
  );
});
