// Tests the lifetime rules, fingerprints and seals of tokens (lambda/broker/token.ts).
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  expiresAt,
  fingerprint,
  lifetimeOf,
  loginGapMs,
  marginMs,
  meetsValidity,
  renewableFrom,
  seal,
  servableUntil,
  type Token,
} from '../../../../lambda/broker/token.ts';
import { full } from '../../../support/counts.ts';

const sentAt = Date.UTC(2026, 0, 15, 12);
const dayS = 24 * 3600;
const monthMs = 30 * dayS * 1000;

function tokenOf(lifetimeMs: number, issuedAt = sentAt): Token {
  const accessToken = 'not-a-real-token';
  return { accessToken, fingerprint: fingerprint(accessToken), issuedAt, lifetimeMs, versionId: 'v1' };
}

describe('promise 33: the life of a token by expires_in, .issued and .expires', () => {
  /** Values of the member, and the seconds that each states. `undefined` if it states nothing. */
  const expiresIn: readonly (readonly [unknown, number | undefined])[] = [
    [undefined, undefined],
    [1799, 1799],
    ['1799', 1799],
    [86_399, 86_399],
    [12.5, 12.5],
    [5, 5],
    ['5', 5],
    [4.999, 4.999],
    [4, 4],
    [0, 0],
    ['0', 0],
    [-1, -1],
    ['-1', -1],
    [Number.NaN, Number.NaN],
    ['NaN', Number.NaN],
    [1e18, 1e18],
    ['9999999999999999', 1e16],
    // Too long to be a real lifetime.
    ['99999999999999999', undefined],
    ['', undefined],
    [' 1799', undefined],
    ['1799 ', undefined],
    ['+1799', undefined],
    ['12.5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['soon', undefined],
    [true, undefined],
    [null, undefined],
    [[1799], undefined],
    [{}, undefined],
  ];
  const at = 'Wed, 06 Mar 2019 14:42:36 GMT';
  const spans: readonly (readonly [issued: unknown, expires: unknown, number | undefined])[] = [
    [undefined, undefined, undefined],
    [at, undefined, undefined],
    [undefined, at, undefined],
    [at, 'Wed, 06 Mar 2019 15:12:36 GMT', 1800],
    [at, 'Wed, 06 Mar 2019 14:42:41 GMT', 5],
    [at, 'Wed, 06 Mar 2019 14:42:40 GMT', 4],
    [at, at, 0],
    [at, 'Wed, 06 Mar 2019 14:12:36 GMT', -1800],
    [at, 'Sat, 06 Apr 2019 14:42:36 GMT', 31 * dayS],
    // The difference is right even if the server's clock is wrong by years.
    ['Wed, 06 Mar 1991 14:42:36 GMT', 'Wed, 06 Mar 1991 15:12:36 GMT', 1800],
    ['2019-03-06T14:42:36Z', '2019-03-06T15:12:36Z', 1800],
    ['2019-03-06T14:42:36.50Z', '2019-03-06T15:12:36.500Z', 1800],
    ['2019-03-06T08:42:36-06:00', '2019-03-06T15:12:36+00:00', 1800],
    // Date.parse would find a date in each of these.
    ['x Wed, 06 Mar 2019 14:42:36 GMT', 'Wed, 06 Mar 2019 15:12:36 GMT', undefined],
    [at, 'Wed, 06 Mar 2019 15:12:36 GMT+1', undefined],
    ['+002019-03-06T14:42:36Z', '2019-03-06T15:12:36Z', undefined],
    ['2019-03-06T14:42:36Z', '2019-03-06T15:12:36Z (x)', undefined],
    [[at], 'Wed, 06 Mar 2019 15:12:36 GMT', undefined],
    [at, ['Wed, 06 Mar 2019 15:12:36 GMT'], undefined],
    ['el miércoles', 'Wed, 06 Mar 2019 15:12:36 GMT', undefined],
    [at, 'mañana', undefined],
    [1_551_883_356, 1_551_885_156, undefined],
    [at, null, undefined],
    [new Date(0), new Date(1_800_000), undefined],
  ];
  const table = expiresIn.flatMap(([seconds, stated]) =>
    spans.map(([issued, expires, span]) => ({
      claims: { expires_in: seconds, '.issued': issued, '.expires': expires },
      said: [stated, span].filter((one) => one !== undefined),
    })),
  );

  test.each(table)('takes the shortest stated lifetime, or refuses it under 5 s: %j', ({ claims, said }) => {
    const seconds = said.length === 0 ? 60 : Math.min(...said, 30 * dayS);
    if (seconds >= 5) {
      const lifetimeMs = lifetimeOf(claims);
      expect(lifetimeMs).toBe(seconds * 1000);
      expect(expiresAt(tokenOf(lifetimeMs ?? Number.NaN))).toBe(sentAt + seconds * 1000);
    } else {
      expect(lifetimeOf(claims)).toBeUndefined();
    }
  });

  test('takes 60 s when the answer has none of the three members', () => {
    expect(lifetimeOf({})).toBe(60_000);
  });

  test("reads the lifetime of Fegora's own sample", () => {
    const claims = {
      expires_in: 1799,
      '.issued': 'Wed, 06 Mar 2019 14:42:36 GMT',
      '.expires': 'Wed, 06 Mar 2019 15:12:36 GMT',
    };
    expect(lifetimeOf(claims)).toBe(1_799_000);
  });
});

describe('the lifetime rules for given lifetimes', () => {
  const rules = [
    // Lifetime, margin, renewal window, login gap. Seconds.
    [5, 2, 5 / 3, 5],
    [10, 2, 10 / 3, 5],
    [19, 2, 19 / 3, 9.5],
    [20, 2, 20 / 3, 10],
    [21, 2.1, 7, 10.5],
    [60, 6, 20, 30],
    [119, 11.9, 119 / 3, 59.5],
    [120, 12, 40, 60],
    [121, 12.1, 121 / 3, 60],
    [599, 59.9, 599 / 3, 60],
    [600, 60, 200, 60],
    [601, 60, 601 / 3, 60],
    [1799, 60, 1799 / 3, 60],
    [1800, 60, 600, 60],
    [1801, 60, 600, 60],
    [86_399, 60, 600, 60],
    [30 * dayS, 60, 600, 60],
  ] as const;

  test.each(rules)(
    'gives a lifetime of %d s a margin of %d s, a renewal window of %d s and a login gap of %d s',
    (life, margin, window, gap) => {
      const token = tokenOf(life * 1000);
      const end = sentAt + life * 1000;

      expect(expiresAt(token)).toBe(end);
      expect(marginMs(life * 1000)).toBeCloseTo(margin * 1000, 6);
      expect(servableUntil(token)).toBeCloseTo(end - margin * 1000, 3);
      expect(renewableFrom(token, 0)).toBeCloseTo(end - window * 1000, 3);
      expect(renewableFrom(token, 0.5)).toBeCloseTo(end - window * 1000 * 0.875, 3);
      expect(renewableFrom(token, 1)).toBeCloseTo(end - window * 1000 * 0.75, 3);
      expect(loginGapMs(life * 1000)).toBe(gap * 1000);
    },
  );
});

describe('the lifetime rules for every lifetime', () => {
  const lives = fc.integer({ min: 5000, max: monthMs });
  const runs = { numRuns: full(10_000, 500) };
  /** Asserts that a rule grows with the lifetime and never faster than `steepest` times the lifetime: it has no jump. */
  const growsSmoothly = (rule: (lifetimeMs: number) => number, steepest: number) =>
    fc.assert(
      fc.property(lives, fc.integer({ min: 0, max: 100_000 }), (life, more) => {
        const grown = rule(life + more) - rule(life);
        expect(grown).toBeGreaterThanOrEqual(0);
        expect(grown).toBeLessThanOrEqual(more * steepest + 1e-3);
      }),
      runs,
    );

  test('computes a margin that is continuous and monotone in the lifetime', () => growsSmoothly(marginMs, 1 / 10));
  test('computes a login gap that is continuous and monotone in the lifetime', () => growsSmoothly(loginGapMs, 1 / 2));
  test.each([0, 0.3, 1])(
    'computes a renewal window that is continuous and monotone in the lifetime, with jitter %d',
    (jitter) => growsSmoothly((life) => expiresAt(tokenOf(life)) - renewableFrom(tokenOf(life), jitter), 1 / 3),
  );
  test('computes an end of serving that is continuous and monotone in the lifetime', () =>
    growsSmoothly((life) => servableUntil(tokenOf(life)), 1));

  test('keeps margin, renewal window and login gap within their bounds', () => {
    fc.assert(
      fc.property(lives, fc.double({ min: 0, max: 1, noNaN: true }), (life, jitter) => {
        const token = tokenOf(life);
        expect(marginMs(life)).toBeGreaterThanOrEqual(2000);
        expect(marginMs(life)).toBeLessThanOrEqual(60_000);
        expect(loginGapMs(life)).toBeGreaterThanOrEqual(5000);
        expect(loginGapMs(life)).toBeLessThanOrEqual(60_000);
        expect(servableUntil(token)).toBeGreaterThan(token.issuedAt);
        expect(servableUntil(token)).toBeLessThan(expiresAt(token));
        expect(expiresAt(token) - renewableFrom(token, jitter)).toBeLessThanOrEqual(600_000);
        // The next login is allowed before the old token ends.
        expect(token.issuedAt + loginGapMs(life)).toBeLessThanOrEqual(expiresAt(token));
      }),
      runs,
    );
  });

  test('opens the renewal window later with more jitter, and always in its first quarter', () => {
    const chance = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(lives, chance, chance, (life, one, other) => {
        const token = tokenOf(life);
        const [less, more] = one < other ? [one, other] : [other, one];
        expect(renewableFrom(token, less)).toBeLessThanOrEqual(renewableFrom(token, more));
        const windowMs = expiresAt(token) - renewableFrom(token, 0);
        expect(renewableFrom(token, more) - renewableFrom(token, 0)).toBeLessThanOrEqual(windowMs / 4 + 1e-3);
      }),
      runs,
    );
  });
});

describe('the validity that a caller asks for', () => {
  const token = tokenOf(1_800_000);
  const end = expiresAt(token);

  test('meets the validity asked for to the millisecond', () => {
    expect(meetsValidity(token, 300_000, end - 300_000)).toBe(true);
    expect(meetsValidity(token, 300_000, end - 299_999)).toBe(false);
  });

  test('counts a validity of more than half the lifetime as half of it', () => {
    expect(meetsValidity(token, 86_400_000, end - 900_000)).toBe(true);
    expect(meetsValidity(token, 86_400_000, end - 899_999)).toBe(false);
  });

  test('meets a validity of zero with any token that has not ended', () => {
    expect(meetsValidity(token, 0, end)).toBe(true);
    expect(meetsValidity(token, 0, end + 1)).toBe(false);
  });
});

describe('fingerprints and seals', () => {
  const token = tokenOf(1_800_000);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  test('computes the fingerprint as the SHA-256 of the token', () => {
    expect(fingerprint('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('computes the same seal in every version of this function', () => {
    expect(seal('main', token)).toBe(sha256(`["main","not-a-real-token",${sentAt},1800000,"v1"]`));
  });

  test('computes another seal when any sealed value changes', () => {
    const seals = [
      seal('main', token),
      seal('other', token),
      seal('main', { ...token, accessToken: 'not-a-real-token-either' }),
      seal('main', { ...token, issuedAt: sentAt + 1 }),
      seal('main', { ...token, lifetimeMs: 1_800_001 }),
      seal('main', { ...token, versionId: 'v2' }),
      // These parts would give the same text if they were only concatenated.
      seal('mai', { ...token, accessToken: 'nnot-a-real-token' }),
    ];
    expect(new Set(seals).size).toBe(seals.length);
  });
});
