// Tests what a call is answered from the cached token and after a refresh (lambda/broker/grant.ts).
import { describe, expect, test } from 'vitest';
import { momentOf } from '../../../../lambda/broker/clock.ts';
import { grantAfter, grantOf, trustedNow } from '../../../../lambda/broker/grant.ts';
import type { RefreshGoal, RefreshResult } from '../../../../lambda/broker/refresh.ts';
import type { Token } from '../../../../lambda/broker/token.ts';
import { type CachedToken, createTokenCache } from '../../../../lambda/broker/token-cache.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

/** Lives for 600 s: the renewal window opens at 400 s, the margin begins at 540 s. */
const lifetimeMs = 600_000;
const windowAt = 400_000;
const serve: RefreshGoal = { kind: 'serve', minValidityMs: 0 };

/** A cache that holds a token which is issued now. */
function scene() {
  const clock = createVirtualClock();
  const shift = { ms: 0 };
  const own = clock.shifted(() => shift.ms);
  const cache = createTokenCache(own);
  const tokenOf = (text: string): Token => {
    const name = { accessToken: `not-a-real-token-${text}`, fingerprint: text.repeat(64) };
    return { ...name, issuedAt: own.now(), lifetimeMs, versionId: 'v1' };
  };
  const broughtOf = (brought: Token | undefined, rest: Partial<RefreshResult> = {}): RefreshResult => {
    const seen = momentOf(own);
    return { ...(brought !== undefined && { token: brought }), seen, source: 'upstream', isShared: true, ...rest };
  };
  const token = tokenOf('a');
  cache.keep(broughtOf(token));
  return { clock, shift, cache, token, tokenOf, broughtOf, cached: () => servableOf(cache.servable()) };
}

function servableOf(cached: CachedToken | undefined): CachedToken {
  if (cached === undefined) {
    throw new Error('the cache has no token');
  }
  return cached;
}

const failed = (code: ErrorCode) => ({ failure: new BrokerError(code, 'detail') });

describe('the time that is trusted about a token', () => {
  test('trusts the wall clock about a token, unless the monotonic clock says that more time went by', async () => {
    const { clock, shift, cache, cached } = scene();
    await clock.advance(1000);
    expect(trustedNow(cache, cached())).toBe(clock.now());
    shift.ms = 5000;
    expect(trustedNow(cache, cached())).toBe(clock.now() + 5000);
    shift.ms = -5000;
    expect(trustedNow(cache, cached())).toBe(clock.now());
  });
});

describe('the answer from a cached token', () => {
  test('answers with the token, its source and the life it has left', async () => {
    const { clock, cache, cached, token } = scene();
    await clock.advance(1000);
    const grant = grantOf(cache, cached(), 'memory', { minValidityMs: 0 });

    expect(grant).toStrictEqual({ token, source: 'memory', remainingMs: 599_000 });
  });

  test('warns of unmet validity only when the token lives shorter than the caller asked for', () => {
    const { cache, cached } = scene();

    expect(grantOf(cache, cached(), 'memory', { minValidityMs: lifetimeMs }).warning).toBeUndefined();
    const unmet = grantOf(cache, cached(), 'shared', { minValidityMs: lifetimeMs + 1 });
    expect(unmet).toMatchObject({ source: 'shared', warning: 'min_validity_unmet' });
  });

  test('tells of a failed renewal from the renewal window on, and not before', async () => {
    const { clock, cache, cached } = scene();
    const asked = { minValidityMs: 0, ...failed('upstream_timeout') };
    await clock.advance(windowAt - 1);
    expect(grantOf(cache, cached(), 'memory', asked).warning).toBeUndefined();
    await clock.advance(1);

    expect(grantOf(cache, cached(), 'memory', asked).warning).toBe('renewal_failing');
  });

  test('tells of a failed renewal at once when the call had asked for it, also if the validity is unmet', () => {
    const { cache, cached } = scene();
    const asked = { minValidityMs: lifetimeMs + 1, isNeeded: true };

    const grant = grantOf(cache, cached(), 'memory', { ...asked, ...failed('upstream_timeout') });
    expect(grant.warning).toBe('renewal_failing');
    expect(grantOf(cache, cached(), 'memory', asked).warning).toBe('min_validity_unmet');
  });

  test('tells of an earlier failed renewal in the renewal window only', async () => {
    const { clock, cache, broughtOf, cached } = scene();
    cache.keep(broughtOf(undefined, failed('upstream_timeout')));
    await clock.advance(windowAt - 1);
    expect(grantOf(cache, cached(), 'memory', { minValidityMs: 0, isNeeded: true }).warning).toBeUndefined();
    await clock.advance(1);

    expect(grantOf(cache, cached(), 'memory', { minValidityMs: 0 }).warning).toBe('renewal_failing');
  });

  test('does not tell of a renewal that came too late only', async () => {
    const { clock, cache, cached } = scene();
    await clock.advance(windowAt);
    const asked = { minValidityMs: 0, isNeeded: true, ...failed('renewal_in_progress') };

    expect(grantOf(cache, cached(), 'memory', asked).warning).toBeUndefined();
  });
});

describe('the answer after a refresh', () => {
  test('names where the token came from when a refresh brought it', () => {
    const { cache, token, tokenOf, broughtOf } = scene();
    const result = broughtOf(tokenOf('b'));
    cache.keep(result);

    const grant = grantAfter(cache, serve, { result, before: token.fingerprint });
    expect(grant).toMatchObject({ token: result.token, source: 'upstream' });
    expect(grantAfter(cache, serve, { result, before: undefined }).source).toBe('upstream');
  });

  test('answers from memory when a refresh brought the token that was cached before', () => {
    const { cache, token, broughtOf } = scene();
    const result = broughtOf(token, { source: 'shared' });

    expect(grantAfter(cache, serve, { result, before: token.fingerprint })).toMatchObject({ token, source: 'memory' });
  });

  test('answers from memory when a refresh brought no token, or one that the cache did not take', async () => {
    const { clock, cache, token, tokenOf, broughtOf } = scene();
    const older = tokenOf('b');
    await clock.advance(1000);
    const newer = tokenOf('c');
    cache.keep(broughtOf(newer));
    for (const result of [broughtOf(undefined), broughtOf(older)]) {
      cache.keep(result);
      const grant = grantAfter(cache, serve, { result, before: token.fingerprint });
      expect(grant).toMatchObject({ token: newer, source: 'memory' });
    }
  });

  test('answers with a token that other environments will not see only to the call that bought it', () => {
    const { cache, token, tokenOf, broughtOf } = scene();
    const result = broughtOf(tokenOf('b'), { isShared: false });
    cache.keep(result);

    const grant = grantAfter(cache, serve, { result, before: token.fingerprint });
    expect(grant).toMatchObject({ token: result.token, source: 'upstream' });
    expect(cache.servable()?.token).toBe(token);
  });

  test('throws the error of the refresh when there is no token but the reported one', () => {
    const { cache, token, broughtOf } = scene();
    const result = broughtOf(undefined, failed('credentials_rejected'));
    const goal = { ...serve, rejected: token.fingerprint };

    expect(() => grantAfter(cache, goal, { result, before: undefined })).toThrow(result.failure);
  });

  test('throws renewal_in_progress when the token ran out during a refresh that did not fail', async () => {
    const { clock, cache, token, broughtOf } = scene();
    await clock.advance(540_000);
    const refreshed = { result: broughtOf(token), before: token.fingerprint };

    expect(() => grantAfter(cache, serve, refreshed)).toThrow(
      expect.objectContaining({ code: 'renewal_in_progress', message: 'the token ran out while the table was read' }),
    );
  });

  test('tells of a failed renewal before the renewal window only to a call that needed it', () => {
    const { cache, token, broughtOf } = scene();
    const refreshed = { result: broughtOf(token, failed('upstream_timeout')), before: token.fingerprint };
    const warningOf = (kind: RefreshGoal['kind']) => grantAfter(cache, { kind, minValidityMs: 0 }, refreshed).warning;

    expect(warningOf('serve')).toBe('renewal_failing');
    expect(warningOf('refresh-ahead')).toBeUndefined();
    expect(warningOf('check')).toBeUndefined();
  });

  test('warns of unmet validity when the token that was brought lives shorter than asked for', () => {
    const { cache, token, broughtOf } = scene();
    const refreshed = { result: broughtOf(token), before: undefined };

    expect(grantAfter(cache, { ...serve, minValidityMs: lifetimeMs + 1 }, refreshed).warning).toBe(
      'min_validity_unmet',
    );
  });
});
