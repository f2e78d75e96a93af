import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTokenCache, marginMs, windowMs } from '../../../client/token-cache.ts';
import { fingerprintOf, noon } from '../../support/client/broker.ts';

const received = (accessToken: string, expiresIn: number, sentAt = noon) => ({
  response: { accessToken, expiresIn, fingerprint: fingerprintOf(accessToken), account: 'a' },
  sentAt,
});

test('marginMs is a tenth of the lifetime, from 2 s to 60 s', () => {
  const margins = [5, 20, 60, 600, 1799, 86_399].map((seconds) => marginMs(seconds * 1000) / 1000);

  expect(margins).toEqual([2, 2, 6, 60, 60, 60]);
});

test('windowMs is a sixth of the lifetime, at most 5 minutes, and up to a quarter shorter by jitter', () => {
  expect(windowMs(60_000, 0)).toBe(10_000);
  expect(windowMs(1_799_000, 0)).toBeCloseTo(299_833, 0);
  expect(windowMs(86_399_000, 0)).toBe(300_000);
  expect(windowMs(86_399_000, 1)).toBe(225_000);
});

test('counts the life from before the request when the response is slow', () => {
  const cache = createTokenCache(0);

  expect(cache.store(received('token-a', 1799, noon - 8_000), 0).expiresAt).toBe(noon - 8_000 + 1_799_000);
});

test('keeps the margin of the longest reported life when the same token comes again with less life', () => {
  const cache = createTokenCache(0);
  cache.store(received('token-a', 1799), 0);
  const late = noon + (1799 - 100) * 1000;
  cache.store(received('token-a', 100, late), 0);

  expect(cache.servable(late + 39_000)?.accessToken).toBe('token-a');
  expect(cache.servable(late + 40_000)).toBeUndefined();
});

test('is renewable 30 s after the last request at the earliest when the broker sent the same token again', () => {
  const cache = createTokenCache(0);
  cache.store(received('token-a', 1799), 0);
  const inWindow = noon + 1_600_000;
  cache.store(received('token-a', 199, inWindow), 0);

  expect(cache.renewable(inWindow + 29_999)).toBe(false);
  expect(cache.renewable(inWindow + 30_000)).toBe(true);
});

test('does not store a rejected token again when a response was sent before the rejection', () => {
  const cache = createTokenCache(0);
  cache.store(received('token-a', 1799), 0);
  cache.reject(fingerprintOf('token-a'));
  cache.store(received('token-b', 1799), 0);
  cache.store(received('token-a', 1799), 0);

  expect(cache.servable(noon)?.accessToken).toBe('token-b');
});

test('returns the warning to the caller of the request, and does not cache it', () => {
  const cache = createTokenCache(0);
  const { response, sentAt } = received('token-a', 1799);
  const stored = cache.store({ response: { ...response, warning: 'min_validity_unmet' }, sentAt }, 3_600_000);

  expect(stored.warning).toBe('min_validity_unmet');
  expect(cache.servable(noon)).toEqual({ ...stored, warning: undefined });
});

describe('suffices', () => {
  test('is true while the token is valid for as long as asked', () => {
    const cache = createTokenCache(0);
    cache.store(received('token-a', 1799), 0);

    expect(cache.suffices(900_000, noon + 899_000)).toBe(true);
    expect(cache.suffices(900_000, noon + 899_001)).toBe(false);
  });

  test('is true for half of the remaining life when the broker had no better token', () => {
    const cache = createTokenCache(0);
    cache.store(received('token-a', 1799), 3_600_000);

    expect(cache.suffices(3_600_000, noon + 899_000)).toBe(true);
    expect(cache.suffices(3_600_001, noon)).toBe(false);
    expect(cache.suffices(3_600_000, noon + 900_000)).toBe(false);
  });
});

test('never serves a token that has less than its margin left, for any sequence of responses', () => {
  const tokens = fc.record({ expiresIn: fc.integer({ min: 1, max: 90_000 }), after: fc.nat(100_000) });
  fc.assert(
    fc.property(fc.array(tokens, { minLength: 1, maxLength: 5 }), fc.nat(100_000_000), (reports, laterMs) => {
      const cache = createTokenCache(0.5);
      const stored = reports.map(({ expiresIn, after }) =>
        cache.store(received('token-a', expiresIn, noon + after), 0),
      );
      const served = cache.servable(noon + laterMs);
      const shortest = Math.min(...reports.map(({ expiresIn }) => expiresIn * 1000));
      if (served !== undefined) {
        expect(served).toEqual(stored.at(-1));
        expect(served.expiresAt - (noon + laterMs)).toBeGreaterThan(marginMs(shortest));
      }
    }),
  );
});
