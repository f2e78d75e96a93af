// What a refresh writes (lambda/broker/login/refresh-records.ts, and lease-records.ts as far as a refresh token matters).
import { describe, expect, test } from 'vitest';
import type { Item } from '../../../../../lambda/broker/item.ts';
import {
  claimOf,
  failureOf,
  isRejection,
  refusalOf,
  sendsAfterSuccess,
  withdrawalOf,
  withUnheardSends,
} from '../../../../../lambda/broker/login/lease-records.ts';
import { isRefusedRefresh, refreshAfter } from '../../../../../lambda/broker/login/refresh-records.ts';
import type { ErrorCode } from '../../../../../lambda/errors.ts';
import { failedLogin, itemWith, noon, orderWith, ownKey } from '../../../../support/core/login-order.ts';

const refreshToken = 'not-a-real-refresh';
const usable = { refresh: 'held', refreshToken: { text: refreshToken, versionId: 'v1' } } as const;
const sends = [{ at: noon - 1000, tag: ownKey.slice(0, 8) }];

/** An order that sends the refresh token. */
function renewalOf(parts: Partial<Item> = {}) {
  return orderWith({ item: itemWith({ ...usable, sends, ...parts }), refreshToken });
}

const refused = failedLogin('credentials_rejected', { answer: 'invalid_grant' });

describe('the claim', () => {
  test('takes the refresh token that goes out, and counts a login and no send', () => {
    const claim = claimOf(renewalOf(), noon);

    expect(claim.refresh).toBe('take');
    expect([claim.sends, claim.logins]).toEqual([sends, [{ at: noon, tag: '' }]]);
  });

  test('forgets sends that are a day old', () => {
    expect(claimOf(renewalOf({ sends: [{ at: noon - 86_400_000, tag: 'a' }] }), noon).sends).toEqual([]);
  });

  test('for the password keeps a usable refresh token, and drops any other', () => {
    const refreshOf = (parts: Partial<Item>) => claimOf(orderWith({ item: itemWith(parts) }), noon).refresh;

    expect(refreshOf(usable)).toBeUndefined();
    expect([refreshOf({ refresh: 'held' }), refreshOf({ refresh: 'taken' })]).toEqual(['drop', 'drop']);
    expect(claimOf(orderWith(), noon)).not.toHaveProperty('refresh');
  });
});

describe('a refused refresh', () => {
  test.for([
    [refused, true],
    [failedLogin('client_rejected'), true],
    [failedLogin('upstream_contract'), true],
    [failedLogin('upstream_rejected', { answer: 'doubt' }), false],
    [failedLogin('upstream_unavailable', { answer: 'html_500' }), false],
    [failedLogin('upstream_invalid_response', { answer: 'other_user' }), false],
    [{ ...refused, reached: 'unknown' }, false],
  ] as const)('is a complete answer about the grant (%#)', ([failed, isRefused]) => {
    expect(isRefusedRefresh(renewalOf(), failed)).toBe(isRefused);
    expect(isRefusedRefresh(orderWith(), failed)).toBe(false);
  });

  const claim = claimOf(renewalOf(), noon);

  test('ends the claim, and writes no error, no back-off, no send and no login', () => {
    const logins = [{ at: noon - 5000, tag: '' }];
    const end = refusalOf(renewalOf({ logins }), claim, { failed: refused, at: noon, isSlow: false });

    expect(end).toEqual({ kind: 'fail', owner: claim.owner, endLease: true, sends, logins, isSlow: false });
  });

  test('waits as long as Fegora asks for, at most 300 s, and counts nothing', () => {
    const failed = { ...refused, retryAfterMs: 400_000 };
    const order = renewalOf({ failures: { doubt: 2 } });
    const { backoff } = refusalOf(order, claim, { failed, at: noon, isSlow: false });

    const code = 'upstream_throttled';
    expect(backoff).toEqual({ retryAt: noon + 300_000, code, answer: 'invalid_grant', failures: { doubt: 2 } });
  });
});

describe('any other failure of a refresh', () => {
  const failAs = (code: ErrorCode, parts = {}, item: Partial<Item> = {}) => {
    const order = renewalOf(item);
    const claim = withUnheardSends(order, claimOf(order, noon));
    const failed = failedLogin(code, parts);
    expect(isRejection(order, claim, failed)).toBe(false);
    return failureOf(order, claim, { failed, at: noon + 500, random: 0, isSlow: false }).failure;
  };

  test('counts no send of the password, whatever the answer is', () => {
    const doubts = { failures: { unknown: 3 } };

    expect(failAs('upstream_rejected', { answer: 'doubt' }, doubts).sends).toEqual(sends);
    expect(failAs('upstream_timeout', { reached: 'unknown' }).sends).toEqual(sends);
    expect(failAs('upstream_unavailable').sends).toEqual(sends);
  });

  test('is no third doubt of the password, and no send that was cut short', () => {
    const twice = Array.from({ length: 3 }, () => ({ at: noon, tag: ownKey.slice(0, 8) }));
    const doubt = failedLogin('upstream_rejected', { answer: 'doubt' });
    const order = orderWith({ item: itemWith({ sends: twice }) });
    const claim = { ...claimOf(order, noon), sends: twice };
    expect(isRejection(order, claim, doubt)).toBe(true);
    expect(isRejection({ ...order, refreshToken }, claim, doubt)).toBe(false);

    const silent = failedLogin('upstream_timeout', { reached: 'unknown' });
    const sendsAfter = (cut: Partial<typeof order>) => {
      const short = orderWith({ patientMs: 500, ...cut });
      const at = { failed: silent, at: noon, random: 0, isSlow: false };
      return failureOf(short, claimOf(short, noon), at).failure.sends?.length;
    };
    expect([sendsAfter({}), sendsAfter({ refreshToken })]).toEqual([1, 0]);
  });

  test('counts for the back-off, except a silent one: silent logins may be refused passwords', () => {
    expect(failAs('upstream_unavailable').backoff?.failures).toEqual({ unavailable: 1 });
    expect(failAs('upstream_timeout', { reached: 'unknown' }).backoff?.failures).toEqual({});
  });

  test('lets the lease stand when the outcome is unknown, and puts nothing back', () => {
    const failure = failAs('upstream_timeout', { reached: 'unknown' });

    expect(failure).toMatchObject({ endLease: false, backoff: { retryAt: noon + 17_000 } });
    expect(failure).not.toHaveProperty('refresh');
    expect(failAs('upstream_unavailable')).not.toHaveProperty('refresh');
  });

  test('puts the refresh token back when nothing was sent', () => {
    const refresh = { token: refreshToken, generation: 4 };
    expect(failAs('upstream_unavailable', { reached: 'no' }, { generation: 4 }).refresh).toEqual(refresh);
    const order = renewalOf({ generation: 4 });
    expect(withdrawalOf(order, claimOf(order, noon))).toMatchObject({ refresh, sends });
    expect(withdrawalOf(orderWith(), claimOf(orderWith(), noon))).not.toHaveProperty('refresh');
  });
});

describe('a success', () => {
  const issued = { kind: 'issued', accessToken: 'a', lifetimeMs: 1000 } as const;

  test('of a refresh keeps the sends of the password', () => {
    expect(sendsAfterSuccess(renewalOf(), noon)).toEqual(sends);
    expect(sendsAfterSuccess(orderWith({ item: itemWith({ sends }) }), noon)).toEqual([]);
  });

  test('stores the next refresh token with the generation that follows', () => {
    const order = renewalOf({ generation: 4 });

    expect(refreshAfter(order, { ...issued, refreshToken: 'n' }, false)).toEqual({
      refresh: { token: 'n', generation: 4 },
    });
    expect(refreshAfter(order, { ...issued, refreshToken: 'n' }, true)).toEqual({
      refresh: { token: 'n', generation: 5 },
    });
  });

  test('without a refresh token removes what is stored of one', () => {
    expect(refreshAfter(renewalOf(), issued, false)).toEqual({ refresh: 'none' });
    expect(refreshAfter(orderWith({ item: itemWith({ refresh: 'taken' }) }), issued, false)).toEqual({
      refresh: 'none',
    });
    expect(refreshAfter(orderWith(), issued, false)).toBe(false);
  });
});
