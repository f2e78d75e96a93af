import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyItem, parseOwner, parseRecord } from '../../../../lambda/aws/item-record.ts';
import { boundTo } from '../../../../lambda/aws/token-binding.ts';
import { fingerprint, seal, type Token } from '../../../../lambda/broker/token.ts';

const accessToken = 'not-a-real-token';
const token: Token = {
  accessToken,
  fingerprint: fingerprint(accessToken),
  issuedAt: 1_768_478_400_000,
  lifetimeMs: 1_800_000,
  versionId: 'v1',
};

function secondsOf(base36: string): number {
  return Number.parseInt(base36, 36);
}

/** A record with every attribute in it. */
const record = {
  account: { S: 'main' },
  schema: { N: '1' },
  revision: { N: '7' },
  generation: { N: '3' },
  owner: { S: 'owner-1' },
  lease_until: { N: '1768478415000' },
  access_token: { S: accessToken },
  issued_at: { N: '1768478400000' },
  lifetime_ms: { N: '1800000' },
  version_id: { S: 'v1' },
  seal: { S: seal('main', token) },
  retry_at: { N: '1768478405000' },
  retry_code: { S: 'upstream_timeout' },
  failed_answer: { S: 'html_500' },
  slow: { BOOL: true },
  marks: { SS: ['key-1', 'key-2'] },
  next_try: { N: '1768480200000' },
  proven: { S: 'key-1' },
  renew_at: { N: '1768478460000' },
  retry_key: { S: 'key-2' },
  failed_counts: { S: 'unavailable.3 unknown.1' },
  token_user: { S: 'user-key' },
  sends: { S: 'tez9c0.0a1b2c3d' },
  logins: { S: 'tez9c0. tez9c1.0a1b2c3d' },
  user_key: { S: 'user-1' },
  paused: { BOOL: true },
  last_login: { N: '1768478400400' },
  login_ms: { N: '700' },
  last_error_code: { S: 'upstream_unavailable' },
  last_error_at: { N: '1768478399000' },
  due_shard: { S: '2' },
  due_at: { N: '1768479600000' },
  unasked: { N: '1' },
} as const;

const item = {
  account: 'main',
  revision: 7,
  generation: 3,
  owner: 'owner-1',
  leaseUntil: 1_768_478_415_000,
  token,
  lifetimeMs: 1_800_000,
  retryAt: 1_768_478_405_000,
  retryCode: 'upstream_timeout',
  failedAnswer: 'html_500',
  failures: { unavailable: 3, unknown: 1 },
  tokenUser: 'user-key',
  isSlow: true,
  rejectedCredentials: new Set(['key-1', 'key-2']),
  retryRejectedAt: 1_768_480_200_000,
  lastGood: 'key-1',
  renewAt: 1_768_478_460_000,
  retryKey: 'key-2',
  sends: [{ at: secondsOf('tez9c0') * 1000, tag: '0a1b2c3d' }],
  logins: [
    { at: secondsOf('tez9c0') * 1000, tag: '' },
    { at: secondsOf('tez9c1') * 1000, tag: '0a1b2c3d' },
  ],
  userKey: 'user-1',
  paused: true,
  lastLogin: 1_768_478_400_400,
  loginMs: 700,
  lastError: { code: 'upstream_unavailable', at: 1_768_478_399_000 },
  dueAt: 1_768_479_600_000,
  isUnasked: true,
} as const;

describe('a record', () => {
  test('is an empty item when it is not stored', () => {
    expect(parseRecord('main', undefined)).toEqual({
      item: emptyItem('main'),
      isTokenMalformed: false,
      isUnbound: false,
    });
    expect(emptyItem('main')).toEqual({
      account: 'main',
      revision: 0,
      generation: 0,
      leaseUntil: 0,
      failures: {},
      isSlow: false,
      rejectedCredentials: new Set(),
      sends: [],
      logins: [],
      paused: false,
    });
  });

  test('says all that it holds', () => {
    expect(parseRecord('main', record)).toEqual({ item, isTokenMalformed: false, isUnbound: false });
  });

  test('with the least in it leaves the rest as in an empty one', () => {
    const parsed = parseRecord('main', { schema: { N: '1' }, revision: { N: '1' } });

    expect(parsed).toEqual({ item: { ...emptyItem('main'), revision: 1 }, isTokenMalformed: false, isUnbound: false });
  });
});

describe('promise 13: what cannot be understood', () => {
  const faults: readonly (readonly [string, object])[] = [
    ['schema', { schema: undefined }],
    ['schema', { schema: { N: '2' } }],
    ['schema', { schema: { N: '0' } }],
    ['schema', { schema: { S: '1' } }],
    ['schema', { schema: null }],
    ['revision', { revision: undefined }],
    ['revision', { revision: { N: '1.5' } }],
    ['revision', { revision: { N: '' } }],
    ['revision', { revision: { N: '0' } }],
    ['revision', { revision: { N: '-1' } }],
    ['generation', { generation: { N: '0' } }],
    ['generation', { generation: { S: '3' } }],
    ['revision', { revision: { N: '9007199254740993' } }],
    ['lease_until', { lease_until: { S: '5' } }],
    ['lease_until', { lease_until: { N: 'tomorrow' } }],
    ['lease_until', { lease_until: { N: 5 } }],
    ['retry_at', { retry_at: { N: 'NaN' } }],
    ['retry_at', { retry_at: { N: 'Infinity' } }],
    ['retry_at', { retry_at: { N: '8640000000000001' } }],
    ['retry_at', { retry_at: { N: '-9e125' } }],
    ['marks', { marks: { S: 'key-1' } }],
    ['marks', { marks: { SS: 'key-1' } }],
  ];

  test.each(faults)('of %s forbids a login: %j', (attribute, change) => {
    const entries = Object.entries({ ...record, ...change }).filter(([, value]) => value !== undefined);

    expect(parseRecord('main', Object.fromEntries(entries)).item.fault).toBe(attribute);
  });

  test.each(['text', 5, null, [], {}])('of the whole (%j) forbids a login', (whole) => {
    expect(parseRecord('main', whole).item).toMatchObject({ account: 'main', fault: 'schema' });
  });

  const spoilt: readonly (readonly [string, object])[] = [
    ['cut', { access_token: { S: 'not-a-real-tok' } }],
    ['of a longer life', { lifetime_ms: { N: '18000000' } }],
    ['of a later beginning', { issued_at: { N: '1768478400001' } }],
    ['of another version', { version_id: { S: 'v2' } }],
    ['without a seal', { seal: undefined }],
    ['without a life', { lifetime_ms: undefined }],
    ['without a beginning', { issued_at: undefined }],
    ['without a version', { version_id: undefined }],
    ['that is a number', { access_token: { N: '5' } }],
    ['that is nothing', { access_token: null }],
  ];

  test.each(spoilt)('a token %s is a miss, and no more than that', (_, change) => {
    const entries = Object.entries({ ...record, ...change }).filter(([, value]) => value !== undefined);
    const parsed = parseRecord('main', Object.fromEntries(entries));

    expect(parsed.isTokenMalformed).toBe(true);
    // What is spoilt is not bound any more, and must be told of all the same.
    expect(parseRecord('main', Object.fromEntries(entries), 'settings').isTokenMalformed).toBe(true);
    expect(parsed.item).not.toHaveProperty('token');
    expect(parsed.item).not.toHaveProperty('fault');
    expect(parsed.item).toMatchObject({ owner: 'owner-1', rejectedCredentials: item.rejectedCredentials });
  });

  test("another account's token is a miss", () => {
    const parsed = parseRecord('other', record);

    expect(parsed.isTokenMalformed).toBe(true);
    expect(parsed.item).not.toHaveProperty('token');
  });

  test('counts no malformed token when no token is stored', () => {
    const { access_token: _, ...rest } = record;

    expect(parseRecord('main', rest).isTokenMalformed).toBe(false);
  });

  test('the smaller things are left out', () => {
    const parsed = parseRecord('main', {
      ...record,
      retry_code: { S: 'a code of a later version' },
      last_error_code: { S: 'a code of a later version' },
      failed_counts: { S: 'many' },
      paused: { S: 'true' },
      renew_at: { N: '' },
      marks: { SS: ['key-1', 5] },
    });

    const { retryCode: _c, lastError: _e, renewAt: _r, ...rest } = item;
    expect(parsed.item).toEqual({
      ...rest,
      failures: {},
      paused: false,
      rejectedCredentials: new Set(['key-1']),
    });
  });

  test('half a pair is none: last_error_at', () => {
    const { last_error_at: _, ...rest }: Record<string, unknown> = record;

    expect(parseRecord('main', rest).item.lastError).toBeUndefined();
  });

  test('takes the latest time that a Date can hold for a time', () => {
    const parsed = parseRecord('main', { ...record, retry_at: { N: '8640000000000000' } }).item;

    expect(parsed.retryAt).toBe(8_640_000_000_000_000);
    expect(parsed.fault).toBeUndefined();
  });

  test('leaves out a text that is of another type within', () => {
    expect(parseRecord('main', { ...record, owner: { S: 5 } }).item).not.toHaveProperty('owner');
  });

  test('reads the counts that are well formed, and leaves the others out', () => {
    const failedCounts = 'unavailable.12 5unknown.3 unknown.3x Doubt.1 other.1234567 unsent. refused.999999';
    const parsed = parseRecord('main', { ...record, failed_counts: { S: failedCounts } }).item;

    expect(parsed.failures).toEqual({ unavailable: 12, refused: 999_999 });
  });

  test('reads the entries of a log that are well formed, and leaves the others out', () => {
    const parsed = parseRecord('main', {
      ...record,
      sends: { S: 'tez9c0.0a1b2c3d x tez9c1. tez9c2.XYZ .a Xtez9c3.0a tez9c3.0a1b2c3d4' },
    }).item;

    expect(parsed.sends).toEqual([
      { at: secondsOf('tez9c0') * 1000, tag: '0a1b2c3d' },
      { at: secondsOf('tez9c1') * 1000, tag: '' },
    ]);
  });

  test('promise 75: a token that was bought with other settings, or is not bound at all, is a miss', () => {
    const bound = { ...record, bound_to: { S: boundTo('settings', 'not-a-real-token') } };

    expect(parseRecord('main', bound, 'settings').item.token).toEqual(item.token);
    expect(parseRecord('main', bound, 'other settings')).toMatchObject({ isTokenMalformed: false, isUnbound: true });
    expect(parseRecord('main', bound, 'other settings').item).not.toHaveProperty('token');
    expect(parseRecord('main', record, 'settings').item).not.toHaveProperty('token');
    expect(parseRecord('main', record).item.token).toEqual(item.token);
  });

  test('names of prototypes are names like others', () => {
    const hostile = JSON.parse('{"__proto__":{"schema":{"N":"1"},"revision":{"N":"1"}},"constructor":{"N":"1"}}');

    expect(parseRecord('main', hostile).item.fault).toBe('schema');
  });

  test('whatever stands there, it is parsed, and only a sealed token comes out', () => {
    const attribute = fc.oneof(fc.anything(), fc.record({ N: fc.string() }), fc.record({ S: fc.string() }));
    const names = fc.constantFrom(...Object.keys(record));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, attribute), { minLength: 1 }), (changes) => {
        const changed = { ...record, ...Object.fromEntries(changes) };
        const parsed = parseRecord('main', changed);
        expect(parsed.item.account).toBe('main');
        expect(parsed.item.token === undefined || seal('main', parsed.item.token) === record.seal.S).toBe(true);
        expect(Number.isFinite(parsed.item.revision + parsed.item.leaseUntil)).toBe(true);
      }),
    );
  });
});

describe('the item of a Fegora user', () => {
  test('names its account, and the account that the user was taken from', () => {
    expect(parseOwner({ owner_account: { S: 'main' } })).toStrictEqual({ account: 'main' });
    const taken = { owner_account: { S: 'main' }, from_account: { S: 'old' } };
    expect(parseOwner(taken)).toStrictEqual({ account: 'main', from: 'old' });
  });

  test('names nothing when it is not stored, or has no account', () => {
    expect(parseOwner(undefined)).toBeUndefined();
    expect(parseOwner({ from_account: { S: 'old' } })).toBeUndefined();
  });
});
