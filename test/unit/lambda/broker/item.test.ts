import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import {
  clockToleranceMs,
  credentialKey,
  forcedOnceMore,
  gapEnds,
  holdOf,
  holdsExpiredToken,
  type Item,
  mayProve,
  probeError,
  servableToken,
  stealableAt,
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

test('AWS hosts’ clocks are taken to be within 2 s', () => {
  expect(clockToleranceMs).toBe(2000);
});

describe('a credential key', () => {
  test('is the same in every version of this function: marks outlive them', () => {
    const sha256 = createHash('sha256').update('["v1","apiApp","https://api.fegora.com/token"]').digest('hex');

    expect(credentialKey('v1', 'apiApp', 'https://api.fegora.com/token')).toBe(sha256);
  });

  test('differs by version, client id and token URL', () => {
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

  test('is served to its margin and no millisecond longer', () => {
    expect(servableToken(item, now)).toBe(token);
    expect(servableToken(item, now + 53_999)).toBe(token);
    expect(servableToken(item, now + 54_000)).toBeUndefined();
  });

  test('is not served to whoever reported it', () => {
    expect(servableToken(item, now, token.fingerprint)).toBeUndefined();
    expect(servableToken(item, now, 'f'.repeat(64))).toBe(token);
  });

  test('is no token where there is none', () => {
    expect(servableToken(itemWith({}), now)).toBeUndefined();
    expect(holdsExpiredToken(itemWith({}), now)).toBe(false);
  });

  test('has expired at its end, not at its margin', () => {
    expect(holdsExpiredToken(item, now + 59_999)).toBe(false);
    expect(holdsExpiredToken(item, now + 60_000)).toBe(true);
  });
});

describe('the lease', () => {
  test('may be stolen the tolerance after its end', () => {
    expect(stealableAt(itemWith({ leaseUntil: now }))).toBe(now + 2000);
  });

  test('that was ended holds nobody up', () => {
    expect(stealableAt(itemWith({ leaseUntil: 0 }))).toBe(0);
  });
});

describe('why nobody may claim', () => {
  test('a pause, before anything else', () => {
    const item = itemWith({ paused: true, retryAt: now + 5000, retryCode: 'upstream_timeout' });

    expect(holdOf(item, now)).toMatchObject({ code: 'paused', retryAfterMs: 30_000 });
  });

  test('a failed login, until its time has come', () => {
    const item = itemWith({ retryAt: now + 5000, retryCode: 'upstream_timeout' });

    expect(holdOf(item, now)).toMatchObject({ code: 'upstream_timeout', retryAfterMs: 5000 });
    expect(holdOf(item, now + 4999)).toMatchObject({ code: 'upstream_timeout', retryAfterMs: 1 });
    expect(holdOf(item, now + 5000)).toBeUndefined();
  });

  test('a code that this version does not know counts as unavailable', () => {
    expect(holdOf(itemWith({ retryAt: now + 1 }), now)?.code).toBe('upstream_unavailable');
  });

  test('nothing, as a rule', () => {
    expect(holdOf(itemWith({}), now)).toBeUndefined();
    expect(holdOf(itemWith({ retryCode: 'upstream_timeout' }), now)).toBeUndefined();
  });
});

describe('a login under way after a failed one', () => {
  test('is a probe, whoever sees it need not wait', () => {
    const error = probeError(itemWith({ retryAt: now - 1, retryCode: 'upstream_timeout' }));

    expect(error?.code).toBe('upstream_timeout');
    expect(error?.retryAfterMs).toBeUndefined();
  });

  test('is none where nothing failed', () => {
    expect(probeError(itemWith({ retryAt: now }))).toBeUndefined();
  });
});

describe('the gap between two logins', () => {
  test('begins with the last that succeeded', () => {
    expect(gapEnds(itemWith({ lastLogin: now, lifetimeMs: 60_000 }))).toBe(now + 30_000);
    expect(gapEnds(itemWith({ lastLogin: now, lifetimeMs: 1_800_000 }))).toBe(now + 60_000);
  });

  test('is the shortest where the lifetime is not known', () => {
    expect(gapEnds(itemWith({ lastLogin: now }))).toBe(now + 5000);
  });

  test('is none where nobody has logged in', () => {
    expect(gapEnds(itemWith({ lifetimeMs: 60_000 }))).toBe(0);
  });
});

describe('a refused version', () => {
  const proven = { proven: 'key-1', nextTry: now };

  test('that had logged in is due again at its time', () => {
    expect(mayProve(proven, 'key-1', now)).toBe(true);
    expect(mayProve(proven, 'key-1', now - 1)).toBe(false);
  });

  test('that had not is never due again', () => {
    expect(mayProve(proven, 'key-2', now + 1)).toBe(false);
    expect(mayProve({ nextTry: now }, 'key-1', now + 1)).toBe(false);
  });

  test('without a time is due at once: whoever marked it did not know that it had logged in', () => {
    expect(mayProve({ proven: 'key-1' }, 'key-1', now)).toBe(true);
  });
});

describe('forced renewals', () => {
  const counted = (count: number, since: number) => forcedOnceMore(itemWith({ forced: { count, since } }), now);

  test('three in five minutes, counted from the first', () => {
    expect(counted(0, 0)).toEqual({ count: 1, since: now });
    expect(counted(1, now - 1000)).toEqual({ count: 2, since: now - 1000 });
    expect(counted(2, now - 299_999)).toEqual({ count: 3, since: now - 299_999 });
  });

  test('not a fourth: too_many_rejections, until the five minutes are over', () => {
    expect(() => counted(3, now - 299_999)).toThrow(
      expect.objectContaining({ code: 'too_many_rejections', retryAfterMs: 1 }),
    );
    expect(() => counted(4, now)).toThrow(expect.objectContaining({ retryAfterMs: 300_000 }));
  });

  test('begin anew after that', () => {
    expect(counted(3, now - 300_000)).toEqual({ count: 1, since: now });
    expect(counted(1, now - 300_000)).toEqual({ count: 1, since: now });
    expect(counted(0, now + 60_000)).toEqual({ count: 1, since: now });
  });
});
