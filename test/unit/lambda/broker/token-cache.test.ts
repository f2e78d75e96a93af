// Tests how long a token stays in the token cache, and what replaces it (lambda/broker/token-cache.ts).
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../../lambda/broker/flight.ts';
import { momentOf } from '../../../../lambda/broker/login-guard.ts';
import type { Clock } from '../../../../lambda/broker/ports.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import { createMemory } from '../../../../lambda/broker/token-cache.ts';
import { BrokerError, type ErrorCode, isOnlyLate } from '../../../../lambda/errors.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const hourMs = 3_600_000;

function scene() {
  const clock = createVirtualClock();
  const shift = { ms: 0 };
  const own: Clock = clock.shifted(() => shift.ms);
  const memory = createMemory(own);
  /** A token that lives for 600 s from `issuedAt` and is servable for the first 540 s. */
  const tokenOf = (text: string, issuedAt = own.now()): Token => {
    const accessToken = `not-a-real-token-${text}`;
    return { accessToken, fingerprint: fingerprint(accessToken), issuedAt, lifetimeMs: 600_000, versionId: 'v1' };
  };
  const broughtOf = (token: Token | undefined, rest: Partial<Outcome> = {}): Outcome => ({
    ...(token !== undefined && { token }),
    seen: momentOf(own),
    source: 'shared',
    kept: true,
    ...rest,
  });
  return { clock, shift, memory, tokenOf, broughtOf };
}

const failure = (code: ErrorCode) => ({ failure: new BrokerError(code, 'detail') });

describe('a token in the token cache', () => {
  test('serves a cached token up to its margin, and only to its own account', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));

    expect(memory.usable('b')).toBeUndefined();
    await clock.advance(539_999);
    expect(memory.usable('a')?.token).toEqual(tokenOf('1', clock.now() - 539_999));
    await clock.advance(1);
    expect(memory.usable('a')).toBeUndefined();
  });

  test('does not serve a cached token to a caller that reported it', () => {
    const { memory, tokenOf, broughtOf } = scene();
    const token = tokenOf('1');
    memory.keep('a', broughtOf(token));

    expect(memory.usable('a', token.fingerprint)).toBeUndefined();
    expect(memory.usable('a', 'f'.repeat(64))?.token).toBe(token);
  });

  test('does not serve a cached token longer when the wall clock jumps back', async () => {
    const { clock, shift, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    shift.ms = -3 * hourMs;
    await clock.advance(539_999);
    expect(memory.usable('a')).toBeDefined();
    await clock.advance(1);

    expect(memory.usable('a')).toBeUndefined();
  });

  test('stops serving a cached token at once when the wall clock jumps past its end', () => {
    const { shift, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    shift.ms = 540_000;

    expect(memory.usable('a')).toBeUndefined();
  });

  test('does not serve a cached token longer when it was read late in its life', async () => {
    const { clock, memory, tokenOf, broughtOf, shift } = scene();
    const token = tokenOf('1');
    await clock.advance(500_000);
    memory.keep('a', broughtOf(token));
    shift.ms = -hourMs;
    await clock.advance(39_999);
    expect(memory.usable('a')).toBeDefined();
    await clock.advance(1);

    expect(memory.usable('a')).toBeUndefined();
  });

  test('forgets the cached token of only the given account', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    memory.keep('b', broughtOf(tokenOf('2')));
    memory.forget('a');

    expect(memory.usable('a')).toBeUndefined();
    expect(memory.usable('b')).toBeDefined();
  });
});

describe('the result of a refresh', () => {
  test('replaces the cached token with the new one', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    memory.keep('a', broughtOf(tokenOf('2')));

    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('keeps a newer cached token when the table does not have it yet', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    memory.keep('a', broughtOf(tokenOf('newer')));
    memory.keep('a', broughtOf(older));

    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-newer');
  });

  test('replaces a newer cached token when a caller reported it', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    const newer = tokenOf('newer');
    memory.keep('a', broughtOf(newer));
    memory.keep('a', broughtOf(older), newer.fingerprint);

    expect(memory.usable('a')?.token).toBe(older);
  });

  test('replaces a newer cached token when it has ended', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const long = { ...tokenOf('long'), lifetimeMs: 3_600_000 };
    await clock.advance(1);
    memory.keep('a', broughtOf(tokenOf('newer')));
    await clock.advance(541_000);
    memory.keep('a', broughtOf(long));

    expect(memory.usable('a')?.token).toBe(long);
  });

  test('replaces a cached token of the same age', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1'), failure('upstream_timeout')));
    memory.keep('a', broughtOf(tokenOf('1')));

    expect(memory.usable('a')?.failing).toBe(false);
  });

  test('does not cache a token that is not in the table', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1'), { kept: false }));

    expect(memory.usable('a')).toBeUndefined();
    memory.keep('a', broughtOf(tokenOf('2')));
    memory.keep('a', broughtOf(tokenOf('3'), { kept: false }));
    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('caches nothing when the refresh gave no token', () => {
    const { memory, broughtOf } = scene();
    memory.keep('a', broughtOf(undefined, failure('upstream_timeout')));

    expect(memory.usable('a')).toBeUndefined();
  });

  test('returns the token of a result only while it is servable', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const outcome = broughtOf(tokenOf('1'), { kept: false });

    expect(memory.admit(outcome)?.token.accessToken).toBe('not-a-real-token-1');
    expect(memory.admit(broughtOf(undefined))).toBeUndefined();
    await clock.advance(540_000);
    expect(memory.admit(outcome)).toBeUndefined();
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
    'keeps the cached token and reports that its renewal is failing when a refresh fails with %s',
    (code) => {
      const { memory, tokenOf, broughtOf } = scene();
      memory.keep('a', broughtOf(tokenOf('1')));
      memory.keep('a', broughtOf(undefined, { kept: false, ...failure(code) }));

      expect(memory.usable('a')).toMatchObject({ failing: true, token: { accessToken: 'not-a-real-token-1' } });
      memory.keep('a', broughtOf(tokenOf('1')));
      expect(memory.usable('a')?.failing).toBe(false);
    },
  );

  test.each(['deadline', 'renewal_in_progress', 'too_many_rejections'] as const)(
    'leaves the state of renewal as it was when a refresh fails with %s',
    (code) => {
      const { memory, tokenOf, broughtOf } = scene();
      memory.keep('a', broughtOf(tokenOf('1'), failure(code)));

      expect(memory.usable('a')?.failing).toBe(false);
      memory.keep('a', broughtOf(undefined, failure('upstream_timeout')));
      memory.keep('a', broughtOf(undefined, failure(code)));
      expect(memory.usable('a')?.failing).toBe(true);
    },
  );

  test('reports that renewal is failing when a failed refresh still gave a token', () => {
    const { memory, tokenOf, broughtOf } = scene();
    const outcome = broughtOf(tokenOf('1'), failure('upstream_timeout'));

    expect(memory.admit(outcome)?.failing).toBe(true);
    memory.keep('a', outcome);
    expect(memory.usable('a')?.failing).toBe(true);
  });

  test('tells being late apart from other failures', () => {
    const late = (code: ErrorCode) => isOnlyLate(new BrokerError(code, 'detail'));

    expect([late('deadline'), late('renewal_in_progress'), late('upstream_timeout')]).toEqual([true, true, false]);
  });
});
