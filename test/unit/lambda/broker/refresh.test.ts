// Tests which refreshes have the same goal, and what an item that was read is as a result (lambda/broker/refresh.ts).
import { describe, expect, test } from 'vitest';
import { isSameGoal, type RefreshGoal, resultOf } from '../../../../lambda/broker/refresh.ts';
import { BrokerError } from '../../../../lambda/errors.ts';

describe('two refreshes', () => {
  const goal: RefreshGoal = { kind: 'serve', minValidityMs: 0, rejected: 'a' };

  test('two refreshes have the same goal also when they differ in validity or caller', () => {
    expect(isSameGoal(goal, { ...goal, minValidityMs: 60_000, caller: 'aaaaaaaa' })).toBe(true);
  });

  test('two refreshes have different goals when their kinds or their reported tokens differ', () => {
    expect(isSameGoal(goal, { ...goal, kind: 'warm' })).toBe(false);
    expect(isSameGoal(goal, { ...goal, rejected: 'b' })).toBe(false);
    expect(isSameGoal(goal, { kind: 'serve', minValidityMs: 0 })).toBe(false);
  });
});

describe('the result of an item that was read', () => {
  const seen = { wall: 1, monotonic: 2 };
  const times = { issuedAt: 0, lifetimeMs: 600_000, versionId: 'v1' };
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f'.repeat(64), ...times };

  test('the result of an item has its token and generation, and is shared', () => {
    const result = resultOf({ current: token, generation: 0, seen });

    expect(result).toStrictEqual({ token, generation: 0, seen, source: 'shared', isShared: true });
  });

  test('the result of an item has no token when the item has none, and says why there is nothing better', () => {
    const failure = new BrokerError('paused', 'detail');
    const result = resultOf({ current: undefined, seen }, failure);

    expect(result).toStrictEqual({ seen, source: 'shared', isShared: true, failure });
  });
});
