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
  /** Lives for 600 s from `issuedAt`, and is servable for 540 s of them. */
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

describe('a token in memory', () => {
  test('is usable to its margin, for its own account', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));

    expect(memory.usable('b')).toBeUndefined();
    await clock.advance(539_999);
    expect(memory.usable('a')?.token).toEqual(tokenOf('1', clock.now() - 539_999));
    await clock.advance(1);
    expect(memory.usable('a')).toBeUndefined();
  });

  test('is not usable for whoever reported it', () => {
    const { memory, tokenOf, broughtOf } = scene();
    const token = tokenOf('1');
    memory.keep('a', broughtOf(token));

    expect(memory.usable('a', token.fingerprint)).toBeUndefined();
    expect(memory.usable('a', 'f'.repeat(64))?.token).toBe(token);
  });

  test('is not stretched by a wall clock that jumps back', async () => {
    const { clock, shift, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    shift.ms = -3 * hourMs;
    await clock.advance(539_999);
    expect(memory.usable('a')).toBeDefined();
    await clock.advance(1);

    expect(memory.usable('a')).toBeUndefined();
  });

  test('ends at once for a wall clock that jumps forward', () => {
    const { shift, memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    shift.ms = 540_000;

    expect(memory.usable('a')).toBeUndefined();
  });

  test('read late in its life ends no later for it', async () => {
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

  test('is forgotten when told so', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    memory.keep('b', broughtOf(tokenOf('2')));
    memory.forget('a');

    expect(memory.usable('a')).toBeUndefined();
    expect(memory.usable('b')).toBeDefined();
  });
});

describe('what a flight brought', () => {
  test('replaces what was known', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    memory.keep('a', broughtOf(tokenOf('2')));

    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('does not replace a newer token that the table could not take yet', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    memory.keep('a', broughtOf(tokenOf('newer')));
    memory.keep('a', broughtOf(older));

    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-newer');
  });

  test('does replace a newer one that was reported', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const older = tokenOf('older');
    await clock.advance(1);
    const newer = tokenOf('newer');
    memory.keep('a', broughtOf(newer));
    memory.keep('a', broughtOf(older), newer.fingerprint);

    expect(memory.usable('a')?.token).toBe(older);
  });

  test('does replace a newer one that has ended', async () => {
    const { clock, memory, tokenOf, broughtOf } = scene();
    const long = { ...tokenOf('long'), lifetimeMs: 3_600_000 };
    await clock.advance(1);
    memory.keep('a', broughtOf(tokenOf('newer')));
    await clock.advance(541_000);
    memory.keep('a', broughtOf(long));

    expect(memory.usable('a')?.token).toBe(long);
  });

  test('replaces one of the same age', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1'), failure('upstream_timeout')));
    memory.keep('a', broughtOf(tokenOf('1')));

    expect(memory.usable('a')?.failing).toBe(false);
  });

  test('is not kept where it is not the one everybody uses', () => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1'), { kept: false }));

    expect(memory.usable('a')).toBeUndefined();
    memory.keep('a', broughtOf(tokenOf('2')));
    memory.keep('a', broughtOf(tokenOf('3'), { kept: false }));
    expect(memory.usable('a')?.token.accessToken).toBe('not-a-real-token-2');
  });

  test('is nothing to keep where it brought nothing', () => {
    const { memory, broughtOf } = scene();
    memory.keep('a', broughtOf(undefined, failure('upstream_timeout')));

    expect(memory.usable('a')).toBeUndefined();
  });

  test('is admitted while it may be handed out', async () => {
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

  test.each(troubles)('%s: the token stays, and fails to be renewed', (code) => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1')));
    memory.keep('a', broughtOf(undefined, { kept: false, ...failure(code) }));

    expect(memory.usable('a')).toMatchObject({ failing: true, token: { accessToken: 'not-a-real-token-1' } });
    memory.keep('a', broughtOf(tokenOf('1')));
    expect(memory.usable('a')?.failing).toBe(false);
  });

  test.each(['deadline', 'renewal_in_progress', 'too_many_rejections'] as const)('%s says nothing of that', (code) => {
    const { memory, tokenOf, broughtOf } = scene();
    memory.keep('a', broughtOf(tokenOf('1'), failure(code)));

    expect(memory.usable('a')?.failing).toBe(false);
    memory.keep('a', broughtOf(undefined, failure('upstream_timeout')));
    memory.keep('a', broughtOf(undefined, failure(code)));
    expect(memory.usable('a')?.failing).toBe(true);
  });

  test('with a token still brought: that one fails to be renewed', () => {
    const { memory, tokenOf, broughtOf } = scene();
    const outcome = broughtOf(tokenOf('1'), failure('upstream_timeout'));

    expect(memory.admit(outcome)?.failing).toBe(true);
    memory.keep('a', outcome);
    expect(memory.usable('a')?.failing).toBe(true);
  });

  test('being late is told apart from trouble', () => {
    const late = (code: ErrorCode) => isOnlyLate(new BrokerError(code, 'detail'));

    expect([late('deadline'), late('renewal_in_progress'), late('upstream_timeout')]).toEqual([true, true, false]);
  });
});
