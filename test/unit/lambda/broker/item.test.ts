// Tests the rules about the stored item (lambda/broker/item.ts).
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { clockToleranceMs } from '../../../../lambda/broker/clock.ts';
import {
  blockOf,
  credentialKey,
  gapEnds,
  hasExpiredToken,
  hasUser,
  type Item,
  isImpossibleLease,
  mayRetryRejected,
  noUser,
  probedFailure,
  servableToken,
  stealableAt,
  userKey,
} from '../../../../lambda/broker/item.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';

const now = Date.UTC(2026, 0, 15, 12);

function itemWith(rest: Partial<Item>): Item {
  return { ...emptyItem('main'), revision: 1, ...rest };
}

const accessToken = 'not-a-real-token';
/** Ends 60 s from now, and is servable for 54 s of them. */
const token: Token = {
  accessToken,
  fingerprint: fingerprint(accessToken),
  issuedAt: now,
  lifetimeMs: 60_000,
  versionId: 'v1',
};

test('assumes that the clocks of AWS hosts differ by at most 2 s', () => {
  expect(clockToleranceMs).toBe(2000);
});

describe('the credential key', () => {
  test('computes the same credential key in every version of this function, because stored rejections outlive a version', () => {
    const sha256 = createHash('sha256').update('["v1","apiApp","https://api.fegora.com/token"]').digest('hex');

    expect(credentialKey('v1', 'apiApp', 'https://api.fegora.com/token')).toBe(sha256);
  });

  test('computes different credential keys for different versions, client ids and token URLs', () => {
    const keys = [
      credentialKey('v1', 'app', 'url'),
      credentialKey('v2', 'app', 'url'),
      credentialKey('v1', 'pap', 'url'),
      credentialKey('v1', 'app', 'lru'),
      credentialKey('v1a', 'pp', 'url'),
    ];

    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('the stored token', () => {
  const item = itemWith({ token });

  test('serves the stored token up to its margin and not one millisecond longer', () => {
    expect(servableToken(item, now)).toBe(token);
    expect(servableToken(item, now + 53_999)).toBe(token);
    expect(servableToken(item, now + 54_000)).toBeUndefined();
  });

  test('does not serve the stored token to a caller that reported it', () => {
    expect(servableToken(item, now, token.fingerprint)).toBeUndefined();
    expect(servableToken(item, now, 'f'.repeat(64))).toBe(token);
  });

  test('serves no stored token while the account is paused', () => {
    expect(servableToken({ ...item, paused: true }, now)).toBeUndefined();
  });

  test('serves no stored token when the item is faulty', () => {
    expect(servableToken({ ...item, fault: 'schema' }, now)).toBeUndefined();
  });

  test('finds no token and no expired token when the item holds none', () => {
    expect(servableToken(itemWith({}), now)).toBeUndefined();
    expect(hasExpiredToken(itemWith({}), now)).toBe(false);
  });

  test('counts the stored token as expired at its end, not at its margin', () => {
    expect(hasExpiredToken(item, now + 59_999)).toBe(false);
    expect(hasExpiredToken(item, now + 60_000)).toBe(true);
  });
});

describe('the lease', () => {
  test('allows another owner to take the lease when the clock tolerance after its end has passed', () => {
    expect(stealableAt(itemWith({ leaseUntil: now }))).toBe(now + 2000);
  });

  test('allows another owner to take the lease at once when it was ended', () => {
    expect(stealableAt(itemWith({ leaseUntil: 0 }))).toBe(0);
  });

  test('counts a lease as impossible when it ends over 19 s from now: 15 s, and twice what clocks may differ', () => {
    expect(isImpossibleLease(now + 19_000, now)).toBe(false);
    expect(isImpossibleLease(now + 19_001, now)).toBe(true);
  });
});

describe('what forbids a claim', () => {
  test('reports a pause first when the account is also backing off', () => {
    const item = itemWith({ paused: true, retryAt: now + 5000, retryCode: 'upstream_timeout' });

    expect(blockOf(item, now)).toMatchObject({
      code: 'paused',
      message: 'an operator paused this account',
      retryAfterMs: 30_000,
    });
  });

  test('forbids a claim after a failed login until the back-off ends', () => {
    const item = itemWith({ retryAt: now + 5000, retryCode: 'upstream_timeout' });

    expect(blockOf(item, now)).toMatchObject({ code: 'upstream_timeout', retryAfterMs: 5000 });
    expect(blockOf(item, now + 4999)).toMatchObject({ code: 'upstream_timeout', retryAfterMs: 1 });
    expect(blockOf(item, now + 5000)).toBeUndefined();
  });

  test('reports upstream_unavailable when this version does not know the stored code', () => {
    expect(blockOf(itemWith({ retryAt: now + 1 }), now)?.code).toBe('upstream_unavailable');
  });

  test('allows a claim when the account is neither paused nor backing off', () => {
    expect(blockOf(itemWith({}), now)).toBeUndefined();
    expect(blockOf(itemWith({ retryCode: 'upstream_timeout' }), now)).toBeUndefined();
  });
});

describe('a login in flight after a failed one', () => {
  test('reports the last failure, so that callers need not wait, while a login after it is in flight', () => {
    const error = probedFailure(itemWith({ retryAt: now - 1, retryCode: 'upstream_timeout' }));

    expect(error).toMatchObject({ code: 'upstream_timeout', message: 'a login failed a short while ago' });
    expect(error?.retryAfterMs).toBeUndefined();
  });

  test('reports no failure when no login failed before the one in flight', () => {
    expect(probedFailure(itemWith({ retryAt: now }))).toBeUndefined();
  });
});

describe('the gap between two logins', () => {
  test('starts the gap at the last successful login', () => {
    expect(gapEnds(itemWith({ lastLogin: now, lifetimeMs: 60_000 }))).toBe(now + 30_000);
    expect(gapEnds(itemWith({ lastLogin: now, lifetimeMs: 1_800_000 }))).toBe(now + 60_000);
  });

  test('uses the shortest gap when the lifetime is unknown', () => {
    expect(gapEnds(itemWith({ lastLogin: now }))).toBe(now + 5000);
  });

  test('has no gap when no login has succeeded yet', () => {
    expect(gapEnds(itemWith({ lifetimeMs: 60_000 }))).toBe(0);
  });
});

describe('a rejected version', () => {
  const lastGood = { lastGood: 'key-1', retryRejectedAt: now };

  test('allows a retry of a rejected version that logged in before when its time has come', () => {
    expect(mayRetryRejected(lastGood, 'key-1', now)).toBe(true);
    expect(mayRetryRejected(lastGood, 'key-1', now - 1)).toBe(false);
  });

  test('allows a late try of a rejected version whose user may have been locked when it was refused', () => {
    const late = { lastGood: 'key-1', retryKey: 'key-2', retryRejectedAt: now };

    expect(mayRetryRejected(late, 'key-2', now)).toBe(true);
    expect(mayRetryRejected(late, 'key-2', now - 1)).toBe(false);
    expect(mayRetryRejected(late, 'key-3', now)).toBe(false);
  });

  test('never allows a retry of a rejected version that did not log in before', () => {
    expect(mayRetryRejected(lastGood, 'key-2', now + 1)).toBe(false);
    expect(mayRetryRejected({ retryRejectedAt: now }, 'key-1', now + 1)).toBe(false);
  });

  test('allows a retry at once when no time is stored, because the writer did not know that the version had logged in', () => {
    expect(mayRetryRejected({ lastGood: 'key-1' }, 'key-1', now)).toBe(true);
  });
});

describe('the key of a user', () => {
  test('computes the same key of a user in every version of this function, because stored bindings outlive a version', () => {
    const sha256 = createHash('sha256').update('["https://api.fegora.com/token","a@x.gt"]').digest('hex');

    expect(userKey('https://api.fegora.com/token', 'A@x.gt')).toBe(sha256);
  });

  test('tells an account that let go of its user from one that never had one, but neither has a user', () => {
    expect(noUser).toBe('none');
    expect([hasUser({ userKey: 'none' }), hasUser({}), hasUser({ userKey: 'f'.repeat(64) })]).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('is the same when the user name differs only in case, and another for another user or token URL', () => {
    const key = userKey('https://api.fegora.com/token', 'A@x.gt');

    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(userKey('https://api.fegora.com/token', 'a@X.GT')).toBe(key);
    expect(userKey('https://api.fegora.com/token', 'b@x.gt')).not.toBe(key);
    expect(userKey('https://api.fegora.org/token', 'A@x.gt')).not.toBe(key);
  });
});
