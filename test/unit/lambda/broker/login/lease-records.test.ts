// Tests what a leased login writes into the item (lambda/broker/login/lease-records.ts).
import { describe, expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs } from '../../../../../lambda/broker/clock.ts';
import {
  claimOf,
  errorUntil,
  isRejection,
  rejectionOf,
  sendsAfterSuccess,
  unreachableOf,
  withdrawalOf,
  withUnheardSends,
} from '../../../../../lambda/broker/login/lease-records.ts';
import type { Claim } from '../../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../../lambda/errors.ts';
import {
  failedLogin,
  itemWith,
  noon,
  orderWith,
  otherKey,
  ownKey,
  tokenWith,
} from '../../../../support/core/login-order.ts';

const now = noon;
const own = (at: number) => ({ at, tag: 'aaaaaaaa' });
const other = (at: number) => ({ at, tag: 'bbbbbbbb' });

function claimWith(parts: Partial<Claim> = {}): Claim {
  return { owner: 'owner-1', now, leaseUntil: now + 15_000, dropToken: false, sends: [own(now)], logins: [], ...parts };
}

describe('the claim of a login', () => {
  test('takes a lease of 15 s and counts the send and the login when nothing was counted before', () => {
    expect(claimOf(orderWith(), now)).toStrictEqual({
      owner: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      now,
      leaseUntil: now + 15_000,
      dropToken: false,
      sends: [own(now)],
      logins: [{ at: now, tag: '' }],
    });
  });

  test('has another owner when the same order is claimed again', () => {
    const order = orderWith();

    expect(claimOf(order, now).owner).not.toBe(claimOf(order, now).owner);
  });

  test('drops the stored token when it expires at this millisecond, and keeps it one millisecond before', () => {
    const order = orderWith({ item: itemWith({ token: tokenWith(now - hourMs) }) });

    expect(claimOf(order, now).dropToken).toBe(true);
    expect(claimOf(order, now - 1).dropToken).toBe(false);
  });

  test('counts on from the sends and logins of the latest 24 hours when there are older ones', () => {
    const log = [other(now - dayMs), other(now - dayMs + 1)];
    const claim = claimOf(orderWith({ item: itemWith({ sends: log, logins: log }) }), now);

    expect(claim.sends).toEqual([other(now - dayMs + 1), own(now)]);
    expect(claim.logins).toEqual([other(now - dayMs + 1), { at: now, tag: '' }]);
  });

  test('remembers the latest 250 logins and the new one when there are more', () => {
    const logins = Array.from({ length: 251 }, (_, index) => other(now - 251 + index));

    expect(claimOf(orderWith({ item: itemWith({ logins }) }), now).logins).toEqual([
      ...logins.slice(1),
      { at: now, tag: '' },
    ]);
  });

  test('names the caller and the new user when a report forces the login and the user is new', () => {
    const claim = claimOf(orderWith({ forcedBy: '0a1b2c3d', newUser: 'user-2' }), now);

    expect(claim).toMatchObject({ logins: [{ at: now, tag: '0a1b2c3d' }], newUser: 'user-2' });
  });

  test('sets the next retry to 6 hours later when it retries rejected credentials', () => {
    const sends = [own(now - 20 * hourMs), own(now - 19 * hourMs)];

    expect(claimOf(orderWith({ isRetry: true, item: itemWith({ sends }) }), now).retryRejectedAt).toBe(
      now + 6 * hourMs,
    );
  });

  test('sets the next retry to the end of the 24 hours when this is the third send in them', () => {
    const sends = [own(now - 10 * hourMs), other(now - hourMs), own(now - 2 * hourMs)];

    expect(claimOf(orderWith({ isRetry: true, item: itemWith({ sends }) }), now).retryRejectedAt).toBe(
      now + 14 * hourMs,
    );
  });
});

test('keeps only the sends of other credentials in the latest 24 hours when a login succeeded', () => {
  const sends = [other(now - dayMs), other(now - dayMs + 1), own(now - 1), other(now)];

  expect(sendsAfterSuccess(orderWith({ item: itemWith({ sends }) }), now)).toEqual([
    other(now - dayMs + 1),
    other(now),
  ]);
});

describe('the rejection of credentials', () => {
  const at = now + 300;

  test('has no later try when the credentials never worked and no other password was sent', () => {
    expect(rejectionOf(orderWith(), claimWith(), at)).toStrictEqual({ kind: 'reject', key: ownKey });
  });

  test('has a try after 30 minutes when the credentials logged in last', () => {
    const order = orderWith({ item: itemWith({ lastGood: ownKey }) });

    expect(rejectionOf(order, claimWith(), at)).toStrictEqual({
      kind: 'reject',
      key: ownKey,
      retryRejectedAt: at + 30 * minuteMs,
    });
  });

  test('has a try after 60 minutes when other credentials logged in last', () => {
    const order = orderWith({ item: itemWith({ lastGood: otherKey }) });

    expect(rejectionOf(order, claimWith(), at)).toMatchObject({ retryRejectedAt: at + hourMs });
  });

  test('has a try after 60 minutes when another password was sent within the hour', () => {
    const locked = claimWith({ sends: [other(now - hourMs + 1), own(now)] });
    const rested = claimWith({ sends: [other(now - hourMs), own(now)] });

    expect(rejectionOf(orderWith(), locked, at)).toMatchObject({ retryRejectedAt: at + hourMs });
    expect(rejectionOf(orderWith(), rested, at)).not.toHaveProperty('retryRejectedAt');
  });

  test('has its try when the 24 hours of three sends are over, if that is later', () => {
    const order = orderWith({ item: itemWith({ lastGood: ownKey }) });
    const claim = claimWith({ sends: [own(now - 3 * hourMs), own(now - 2 * hourMs), own(now)] });

    expect(rejectionOf(order, claim, at)).toMatchObject({ retryRejectedAt: now + 21 * hourMs });
  });

  test('leaves the time of the next try to the claim when this was a retry', () => {
    const order = orderWith({ isRetry: true, item: itemWith({ lastGood: ownKey }) });

    expect(rejectionOf(order, claimWith(), at)).toStrictEqual({ kind: 'reject', key: ownKey });
  });
});

describe('what counts as a refusal of the credentials', () => {
  const thrice = claimWith({ sends: [own(now - 2), own(now - 1), own(now)] });
  const doubt = failedLogin('upstream_rejected', { answer: 'doubt' });

  test('counts a failure as a refusal when Fegora refused the password', () => {
    expect(
      isRejection(orderWith(), claimWith(), failedLogin('credentials_rejected', { answer: 'invalid_grant' })),
    ).toBe(true);
  });

  test('counts the third send in 24 hours as a refusal when its answer puts the password in doubt', () => {
    expect(isRejection(orderWith(), thrice, doubt)).toBe(true);
    expect(isRejection(orderWith(), claimWith({ sends: thrice.sends.slice(1) }), doubt)).toBe(false);
  });

  test('counts no failure as a refusal when its answer says nothing of the password', () => {
    expect(isRejection(orderWith(), thrice, failedLogin('upstream_unavailable'))).toBe(false);
  });
});

describe('the sends that got no answer', () => {
  test('adds sends to the claim, with its time and credentials, when logins since the latest token got no answer', () => {
    const order = orderWith({ item: itemWith({ failures: { unknown: 2, unavailable: 4 } }) });

    expect(withUnheardSends(order, claimWith())).toStrictEqual(claimWith({ sends: [own(now), own(now), own(now)] }));
  });

  test('adds no send to the claim when each login got an answer', () => {
    expect(withUnheardSends(orderWith(), claimWith())).toStrictEqual(claimWith());
  });
});

describe('the end of a claim that sent nothing', () => {
  const logs = { sends: [other(now - 2)], logins: [other(now - 1)] };

  test('restores the logs when no credentials were retried', () => {
    const order = orderWith({ item: itemWith({ ...logs, retryRejectedAt: now - 5 }) });

    expect(withdrawalOf(order, claimWith())).toStrictEqual({ kind: 'fail', owner: 'owner-1', endLease: true, ...logs });
  });

  test('restores the time of the retry too when rejected credentials were retried', () => {
    const order = orderWith({ isRetry: true, item: itemWith({ ...logs, retryRejectedAt: now - 5 }) });

    expect(withdrawalOf(order, claimWith())).toMatchObject({ ...logs, retryRejectedAt: now - 5 });
  });

  test('lets the retry be due at once when it had no time', () => {
    expect(withdrawalOf(orderWith({ isRetry: true }), claimWith())).toMatchObject({ retryRejectedAt: 0 });
  });
});

describe('a connection that could not be made', () => {
  const failed = failedLogin('upstream_tls', { reached: 'no' });
  const item = itemWith({ revision: 7, failures: { unavailable: 1 } });
  const unreachable = {
    kind: 'unreachable',
    revision: 7,
    error: { code: 'upstream_tls', at: now },
    backoff: { retryAt: now + 5625, code: 'upstream_tls', answer: 'upstream_tls', failures: { unavailable: 1 } },
  };

  test('sets a back-off of 5 s, spread by a quarter, and counts no failure when a caller waits', () => {
    expect(unreachableOf(item, { failed, at: now, random: 0.5 }, false)).toStrictEqual(unreachable);
  });

  test('sets the next renewal to a minute later too when the login was ahead of need', () => {
    expect(unreachableOf(item, { failed, at: now, random: 0.5 }, true)).toStrictEqual({
      ...unreachable,
      renewAt: now + minuteMs,
    });
  });
});

test('tells the caller the same error, its cause, and when to retry, when a login failed', () => {
  const cause = new Error('below');
  const error = errorUntil(new BrokerError('upstream_timeout', 'no answer', { cause, retryAfterMs: 1 }), 17_000);

  expect(error).toBeInstanceOf(BrokerError);
  expect(error).toMatchObject({ code: 'upstream_timeout', message: 'no answer', cause, retryAfterMs: 17_000 });
});
