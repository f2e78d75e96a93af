// Tests how long the broker waits after a failed login (lambda/broker/login/backoff.ts).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backoffMs,
  classOf,
  type FailureClass,
  isAccountBroken,
  isPatientNext,
} from '../../../../../lambda/broker/login/backoff.ts';
import type { FailedLogin } from '../../../../../lambda/broker/login/login-outcome.ts';
import { BrokerError, type ErrorCode } from '../../../../../lambda/errors.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

function failure(code: ErrorCode, rest: Partial<FailedLogin> = {}): FailedLogin {
  return { kind: 'failed', error: new BrokerError(code, 'detail'), reached: 'answered', answer: code, ...rest };
}

const unsent = failure('upstream_tls', { reached: 'no' });
const unknown = failure('upstream_timeout', { reached: 'unknown' });
const doubt = failure('upstream_rejected', { answer: 'doubt' });
const throttled = failure('upstream_throttled');
const refused = failure('credentials_rejected', { answer: 'invalid_grant' });
const unavailable = failure('upstream_unavailable');
const html500 = failure('upstream_unavailable', { answer: 'html_500' });
const others = ['client_rejected', 'upstream_contract', 'upstream_redirect', 'upstream_invalid_response'] as const;

function row(failed: FailedLogin, most: number): number[] {
  return Array.from({ length: most }, (_, index) => backoffMs(failed, index + 1, 0) / secondMs);
}

describe('the class of a failed login', () => {
  const classes: readonly (readonly [FailedLogin, FailureClass])[] = [
    [unsent, 'unsent'],
    [failure('upstream_timeout', { reached: 'no' }), 'unsent'],
    [unknown, 'unknown'],
    [failure('upstream_unavailable', { reached: 'unknown' }), 'unknown'],
    [failure('credentials_rejected', { answer: 'invalid_grant' }), 'refused'],
    [doubt, 'doubt'],
    [throttled, 'throttled'],
    [unavailable, 'unavailable'],
    [html500, 'unavailable'],
    ...others.map((code) => [failure(code), 'other'] as const),
  ];

  test.each(classes)('of %j is %s', (failed, expected) => {
    expect(classOf(failed)).toBe(expected);
  });
});

describe('the back-off after a failed login', () => {
  test('promise 72: is 5 s and does not grow when nothing was sent', () => {
    expect(new Set(row(unsent, 100))).toEqual(new Set([5]));
    expect(backoffMs(unsent, 1, 1)).toBe(6250);
  });

  test('promise 72: is 5 s for a minute, then doubles to 60 s, when Fegora answers 5xx', () => {
    expect(row(unavailable, 18)).toEqual([5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 10, 20, 40, 60, 60, 60]);
  });

  test('is one minute when Fegora answered three HTML 500 pages in a row', () => {
    expect(row(html500, 4)).toEqual([5, 5, 60, 60]);
    expect([1, 2, 3, 4].map((inRow) => isAccountBroken('html_500', inRow))).toEqual([false, false, true, true]);
    expect(isAccountBroken('upstream_unavailable', 3)).toBe(false);
  });

  test('promise 72: doubles from 30 s to 15 minutes when Fegora throttles', () => {
    expect(row(throttled, 7)).toEqual([30, 60, 120, 240, 480, 900, 900]);
  });

  test('promise 72: doubles from one minute to 6 hours when the answer may be about the password', () => {
    for (const failed of [doubt, refused]) {
      expect(row(failed, 10).map((seconds) => seconds / 60)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
    }
  });

  test('promise 72: leaves an unknown outcome to its lease for a minute, then doubles to 30 minutes', () => {
    expect(row(unknown, 13)).toEqual([0, 0, 0, 0, 0, 34, 68, 136, 272, 544, 1088, 1800, 1800]);
  });

  test.each(others)('promise 72: doubles from 5 minutes to one hour after %s', (code) => {
    expect(row(failure(code), 5).map((seconds) => seconds / 60)).toEqual([5, 10, 20, 40, 60]);
  });

  test('obeys Retry-After on every answer, for at most 300 s, and keeps its own back-off when that is longer', () => {
    const asked = (failed: FailedLogin) =>
      [0, 40_000, 300_000, 31_536_000_000].map(
        (retryAfterMs) => backoffMs({ ...failed, retryAfterMs }, 1, 0) / secondMs,
      );

    expect(asked(unavailable)).toEqual([5, 40, 300, 300]);
    expect(asked(throttled)).toEqual([30, 40, 300, 300]);
    expect(asked(doubt)).toEqual([60, 60, 300, 300]);
    expect(asked(failure('client_rejected'))).toEqual([300, 300, 300, 300]);
  });

  test('never shrinks with the failures in a row, and stays between 0 and 6 hours', () => {
    const failures = fc.constantFrom(
      unsent,
      unknown,
      doubt,
      throttled,
      unavailable,
      ...others.map((code) => failure(code)),
    );
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(failures, fc.integer({ min: 1, max: 5000 }), random, (failed, inRow, chance) => {
        const ms = backoffMs(failed, inRow, chance);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(6 * hourMs);
        expect(backoffMs(failed, inRow + 1, chance)).toBeGreaterThanOrEqual(ms);
      }),
    );
  });
});

test('listens long for a late answer, but not at two of three in a row without an answer', () => {
  const patient = [0, 1, 2, 3, 4, 5, 6, 7].filter(isPatientNext);

  expect(patient).toEqual([0, 2, 5]);
});
