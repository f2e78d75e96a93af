// Tests how long a token stays in the token cache, and what replaces it (lambda/broker/token-cache.ts).
import { describe, expect, test } from 'vitest';
import { type Clock, momentOf } from '../../../../lambda/broker/clock.ts';
import type { RefreshResult } from '../../../../lambda/broker/refresh.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import { createTokenCache } from '../../../../lambda/broker/token-cache.ts';
import { BrokerError, type ErrorCode, isOnlyLate } from '../../../../lambda/errors.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const hourMs = 3_600_000;

function scene() {
  const clock = createVirtualClock();
  const shift = { ms: 0 };
  const own: Clock = clock.shifted(() => shift.ms);
  const cache = createTokenCache(own);
  /** A token that lives for 600 s from `issuedAt` and is servable for the first 540 s. */
  const tokenOf = (text: string, issuedAt = own.now()): Token => {
    const accessToken = `not-a-real-token-${text}`;
    return { accessToken, fingerprint: fingerprint(accessToken), issuedAt, lifetimeMs: 600_000, versionId: 'v1' };
  };
  const broughtOf = (token: Token | undefined, rest: Partial<RefreshResult> = {}): RefreshResult => ({
    ...(token !== undefined && { token }),
    seen: momentOf(own),
    source: 'shared',
    isShared: true,
    ...rest,
  });
  return { clock, shift, cache, tokenOf, broughtOf };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('the cache has no token');
  }
  return value;
}

const failure = (code: ErrorCode) => ({ failure: new BrokerError(code, 'detail') });

describe('a token in the token cache', () => {
  test('serves a cached token up to its margin', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));

    await clock.advance(539_999);
    expect(cache.servable()?.token).toEqual(tokenOf('1', clock.now() - 539_999));
    await clock.advance(1);
    expect(cache.servable()).toBeUndefined();
  });

  test('does not serve a cached token to a caller that reported it', () => {
    const { cache, tokenOf, broughtOf } = scene();
    const token = tokenOf('1');
    cache.keep(broughtOf(token));

    expect(cache.servable(token.fingerprint)).toBeUndefined();
    expect(cache.servable('f'.repeat(64))?.token).toBe(token);
  });

  test('does not serve a cached token longer when the wall clock jumps back', async () => {
    const { clock, shift, cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));
    shift.ms = -3 * hourMs;
    await clock.advance(539_999);
    expect(cache.servable()).toBeDefined();
    await clock.advance(1);

    expect(cache.servable()).toBeUndefined();
  });

  test('stops serving a cached token at once when the wall clock jumps past its end', () => {
    const { shift, cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));
    shift.ms = 540_000;

    expect(cache.servable()).toBeUndefined();
  });

  test('does not serve a cached token longer when it was read late in its life', async () => {
    const { clock, cache, tokenOf, broughtOf, shift } = scene();
    const token = tokenOf('1');
    await clock.advance(500_000);
    cache.keep(broughtOf(token));
    shift.ms = -hourMs;
    await clock.advance(39_999);
    expect(cache.servable()).toBeDefined();
    await clock.advance(1);

    expect(cache.servable()).toBeUndefined();
  });

  test('counts the life left of a cached token by the clock that says less', async () => {
    const { clock, shift, cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));
    await clock.advance(100_000);
    const leftMs = () => cache.lifeLeftMs(required(cache.servable()));
    expect(leftMs()).toBe(500_000);
    shift.ms = 1000;
    expect(leftMs()).toBe(499_000);
    shift.ms = -1000;

    expect(leftMs()).toBe(500_000);
  });

  test('has no token when it was cleared', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));
    cache.clear();

    expect(cache.servable()).toBeUndefined();
  });
});

describe('the result of a refresh', () => {
  test('replaces the cached token with the new one', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1')));
    cache.keep(broughtOf(tokenOf('2')));

    expect(cache.servable()?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('keeps a newer cached token when the table does not have it yet', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    cache.keep(broughtOf(tokenOf('newer')));
    cache.keep(broughtOf(older));

    expect(cache.servable()?.token.accessToken).toBe('not-a-real-token-newer');
  });

  test('replaces a newer cached token when a caller reported it', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    const newer = tokenOf('newer');
    cache.keep(broughtOf(newer));
    cache.keep(broughtOf(older), newer.fingerprint);

    expect(cache.servable()?.token).toBe(older);
  });

  test('replaces a newer cached token when it has ended', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    const long = { ...tokenOf('long'), lifetimeMs: 3_600_000 };
    await clock.advance(1);
    cache.keep(broughtOf(tokenOf('newer')));
    await clock.advance(541_000);
    cache.keep(broughtOf(long));

    expect(cache.servable()?.token).toBe(long);
  });

  test('replaces a cached token of the same age', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1'), failure('upstream_timeout')));
    cache.keep(broughtOf(tokenOf('1')));

    expect(cache.servable()?.isRenewalFailing).toBe(false);
  });

  test('does not cache a token that is not in the table', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1'), { isShared: false }));

    expect(cache.servable()).toBeUndefined();
    cache.keep(broughtOf(tokenOf('2')));
    cache.keep(broughtOf(tokenOf('3'), { isShared: false }));
    expect(cache.servable()?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('caches nothing when the refresh gave no token', () => {
    const { cache, broughtOf } = scene();
    cache.keep(broughtOf(undefined, failure('upstream_timeout')));

    expect(cache.servable()).toBeUndefined();
  });

  test('returns the token of a result only while it is servable', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    const result = broughtOf(tokenOf('1'), { isShared: false });

    expect(cache.accept(result)?.token.accessToken).toBe('not-a-real-token-1');
    expect(cache.accept(broughtOf(undefined))).toBeUndefined();
    await clock.advance(540_000);
    expect(cache.accept(result)).toBeUndefined();
  });
});

describe('the generation of the item', () => {
  test('drops the cached token when the generation has changed, also if there is no other token', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1'), { generation: 1 }));
    cache.keep(broughtOf(undefined, { generation: 1 }));
    expect(cache.servable()?.generation).toBe(1);
    cache.keep(broughtOf(undefined, { generation: 2 }));

    expect(cache.servable()).toBeUndefined();
  });

  test('lets an older token replace a newer one of another generation', async () => {
    const { clock, cache, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    cache.keep(broughtOf(tokenOf('newer'), { generation: 1 }));
    cache.keep(broughtOf(older, { generation: 2 }));

    expect(cache.servable()).toMatchObject({ token: older, generation: 2 });
  });

  test('leaves the cached token when no item could be read', () => {
    const { cache, tokenOf, broughtOf } = scene();
    cache.keep(broughtOf(tokenOf('1'), { generation: 1 }));
    cache.keep(broughtOf(undefined, failure('table_unavailable')));

    expect(cache.servable()).toMatchObject({ generation: 1, isRenewalFailing: true });
  });
});

describe('a renewal that failed', () => {
  const troubles = [
    'upstream_timeout',
    'credentials_rejected',
    'table_unavailable',
    'paused',
    'configuration',
  ] as const;

  test.each(troubles)(
    'keeps the cached token and reports that its renewal is isRenewalFailing when a refresh fails with %s',
    (code) => {
      const { cache, tokenOf, broughtOf } = scene();
      cache.keep(broughtOf(tokenOf('1')));
      cache.keep(broughtOf(undefined, { isShared: false, ...failure(code) }));

      expect(cache.servable()).toMatchObject({ isRenewalFailing: true, token: { accessToken: 'not-a-real-token-1' } });
      cache.keep(broughtOf(tokenOf('1')));
      expect(cache.servable()?.isRenewalFailing).toBe(false);
    },
  );

  test.each(['deadline', 'renewal_in_progress', 'too_many_rejections'] as const)(
    'leaves the state of renewal as it was when a refresh fails with %s',
    (code) => {
      const { cache, tokenOf, broughtOf } = scene();
      cache.keep(broughtOf(tokenOf('1'), failure(code)));

      expect(cache.servable()?.isRenewalFailing).toBe(false);
      cache.keep(broughtOf(undefined, failure('upstream_timeout')));
      cache.keep(broughtOf(undefined, failure(code)));
      expect(cache.servable()?.isRenewalFailing).toBe(true);
    },
  );

  test('reports that renewal is isRenewalFailing when a failed refresh still gave a token', () => {
    const { cache, tokenOf, broughtOf } = scene();
    const result = broughtOf(tokenOf('1'), failure('upstream_timeout'));

    expect(cache.accept(result)?.isRenewalFailing).toBe(true);
    cache.keep(result);
    expect(cache.servable()?.isRenewalFailing).toBe(true);
  });

  test('tells being late apart from other failures', () => {
    const late = (code: ErrorCode) => isOnlyLate(new BrokerError(code, 'detail'));

    expect([late('deadline'), late('renewal_in_progress'), late('upstream_timeout')]).toEqual([true, true, false]);
  });
});
