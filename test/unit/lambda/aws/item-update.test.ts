import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { changeUpdate, claimUpdate } from '../../../../lambda/aws/item-update.ts';
import { boundTo } from '../../../../lambda/aws/token-binding.ts';
import type { Change, Claim } from '../../../../lambda/broker/ports.ts';
import { fingerprint, seal, type Token } from '../../../../lambda/broker/token.ts';

const now = 1_768_478_400_000;
const claim: Claim = { owner: 'owner-1', now, leaseUntil: now + 15_000, dropToken: false, sends: [], logins: [] };
const accessToken = 'not-a-real-token';
const token: Token = {
  accessToken,
  fingerprint: fingerprint(accessToken),
  issuedAt: now,
  lifetimeMs: 1_800_000,
  versionId: 'v1',
};

describe('a claim', () => {
  test('on no item', () => {
    expect(claimUpdate(emptyItem('main'), claim)).toEqual({
      UpdateExpression:
        'SET #schema = if_not_exists(#schema, :schema), #owner = :owner, #lease_until = :lease_until, ' +
        '#sends = :sends, #logins = :logins ADD #revision :one',
      ConditionExpression:
        'attribute_not_exists(#revision) AND (attribute_not_exists(#lease_until) OR #lease_until < :ended)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ExpressionAttributeNames: {
        '#schema': 'schema',
        '#owner': 'owner',
        '#lease_until': 'lease_until',
        '#sends': 'sends',
        '#logins': 'logins',
        '#revision': 'revision',
      },
      ExpressionAttributeValues: {
        ':schema': { N: '1' },
        ':one': { N: '1' },
        ':owner': { S: 'owner-1' },
        ':lease_until': { N: String(now + 15_000) },
        ':sends': { S: '' },
        ':logins': { S: '' },
        ':ended': { N: String(now - 2000) },
      },
    });
  });

  test('on the item as read, with all that a claim can carry', () => {
    const logins = [
      { at: now - 1000, tag: '' },
      { at: now + 1, tag: 'aaaaaaaa' },
    ];
    const newUser = 'user-1';
    const update = claimUpdate(
      { ...emptyItem('main'), revision: 7 },
      { ...claim, dropToken: true, retryRejectedAt: now + 1, logins, newUser },
    );

    expect(update.UpdateExpression).toBe(
      'SET #schema = if_not_exists(#schema, :schema), #owner = :owner, #lease_until = :lease_until, ' +
        '#sends = :sends, #logins = :logins, #next_try = :next_try, #user_key = :user_key ' +
        'ADD #revision :one REMOVE #access_token, #seal, #bound_to, #bound_also',
    );
    expect(update.ConditionExpression).toBe(
      '#revision = :as_read AND (attribute_not_exists(#lease_until) OR #lease_until < :ended)',
    );
    expect(update.ExpressionAttributeValues).toMatchObject({
      ':as_read': { N: '7' },
      ':next_try': { N: String(now + 1) },
      ':logins': { S: `${((now - 1000) / 1000).toString(36)}. ${(now / 1000 + 1).toString(36)}.aaaaaaaa` },
      ':user_key': { S: 'user-1' },
    });
  });
});

describe('every other change', () => {
  const error = { code: 'upstream_timeout', at: now } as const;
  const backoff = {
    retryAt: now + 5000,
    code: 'upstream_timeout',
    answer: 'upstream_timeout',
    failures: { unavailable: 2, unknown: 1 },
  } as const;
  const inheritance = { kind: 'inherit', revision: 7, rejectedCredentials: [], sends: [], logins: [] } as const;
  const changes: readonly Exclude<Change, { kind: 'reset' }>[] = [
    {
      kind: 'publish',
      owner: 'owner-1',
      token,
      key: 'key-1',
      at: now,
      sends: [],
      isSlow: false,
      loginMs: 700,
      isOtherUser: false,
    },
    {
      kind: 'publish',
      owner: 'o',
      token,
      key: 'k',
      at: now,
      sends: [],
      isSlow: false,
      loginMs: 700,
      isOtherUser: true,
      tokenUser: 'u',
    },
    { kind: 'fail', owner: 'owner-1', endLease: true },
    { kind: 'fail', owner: 'owner-1', endLease: false, error, backoff, renewAt: now + 60_000 },
    { kind: 'reject', key: 'key-1' },
    { kind: 'reject', key: 'key-1', retryRejectedAt: now + 1_800_000 },
    { kind: 'unreachable', revision: 7, error, backoff },
    { kind: 'extend', owner: 'owner-1', leaseUntil: now + 15_000 },
    { kind: 'retire', revision: 7, retryAt: now + 120_000 },
    { kind: 'fence', revision: 7 },
    { ...inheritance, newUser: 'user-1' },
    {
      ...inheritance,
      newUser: 'user-1',
      lastGood: 'k',
      retryKey: 'k',
      retryRejectedAt: now,
      lifetimeMs: 1,
      rejectedCredentials: ['key-1'],
    },
    { kind: 'note', dueAt: now + 1_200_000 },
    { kind: 'note', revision: 7 },
    { kind: 'clear-rejection' },
    { kind: 'purge' },
    { kind: 'revoke' },
    { kind: 'pause' },
    { kind: 'resume' },
  ];

  test.each(changes)('$kind counts the revision up and names each attribute and value once', (change) => {
    const update = changeUpdate('main', change);
    const text = `${update.UpdateExpression} ${update.ConditionExpression ?? ''}`;

    expect(update.UpdateExpression).toContain('ADD #revision :one');
    expect(new Set(text.match(/#\w+/g))).toEqual(new Set(Object.keys(update.ExpressionAttributeNames)));
    // DynamoDB refuses values that no expression uses.
    expect(new Set(text.match(/:\w+/g))).toEqual(new Set(Object.keys(update.ExpressionAttributeValues)));
    for (const [name, attribute] of Object.entries(update.ExpressionAttributeNames)) {
      expect(name).toBe(`#${attribute}`);
    }
    expect(text).not.toContain('undefined');
  });

  test('conditions: the owner, our schema, or none', () => {
    const conditions = changes.map((change) => changeUpdate('main', change).ConditionExpression);
    const ofOwner = '#owner = :holder';
    const ofSchema = 'attribute_not_exists(#schema) OR #schema = :ours';

    expect(conditions).toEqual([
      ofOwner,
      ofOwner,
      ofOwner,
      ofOwner,
      undefined,
      undefined,
      '#revision = :as_read',
      ofOwner,
      '#revision = :as_read',
      '#revision = :as_read',
      '#revision = :as_read',
      '#revision = :as_read',
      '#schema = :schema AND (#unasked = :one OR NOT #due_at >= :due_at)',
      '#revision = :as_read',
      ofSchema,
      ofSchema,
      ofSchema,
      ofSchema,
      ofSchema,
    ]);
    expect(changeUpdate('main', { kind: 'purge' }).ExpressionAttributeValues[':ours']).toEqual({ N: '1' });
  });

  test('raises the generation only for purge, revoke, pause, or another user', () => {
    const raising = changes.filter((change) => changeUpdate('main', change).UpdateExpression.includes('#generation'));

    expect(raising.map(({ kind }) => kind)).toEqual(['publish', 'purge', 'revoke', 'pause']);
    expect(changeUpdate('main', { kind: 'revoke' }).UpdateExpression).toBe(
      'SET #schema = if_not_exists(#schema, :schema) ADD #revision :one, #generation :one ' +
        'REMOVE #access_token, #seal, #bound_to, #bound_also, #refresh_token, #refresh_seal, #last_login',
    );
  });

  test.each([
    ['asked', { ':due_shard': { S: '1' }, ':due_at': { N: String(now + 1_200_000) } }, ['#unasked']],
    ['unasked', { ':due_shard': { S: '1' }, ':due_at': { N: String(now + 1_200_000) }, ':unasked': { N: '1' } }, []],
    ['idle', {}, ['#due_shard', '#due_at', '#unasked']],
    [undefined, {}, []],
  ] as const)('a publication notes the use %s of its token', (use, set, removed) => {
    const publish = changes[0] as Extract<Change, { kind: 'publish' }>;
    const noted = { ...publish, ...(use !== undefined && { use }) };
    const { UpdateExpression: text, ExpressionAttributeValues: values, ...rest } = changeUpdate('main', noted);

    const isOfUse = (name: string) => /^[#:](due_shard|due_at|unasked)$/.test(name);
    expect(Object.fromEntries(Object.entries(values).filter(([name]) => isOfUse(name)))).toEqual(set);
    expect(rest.ConditionExpression).toBe(`#owner = :holder${use === 'idle' ? ' AND #unasked = :one' : ''}`);
    expect((/ REMOVE (.*?)(?: DELETE |$)/.exec(text)?.[1] ?? '').split(', ').filter(isOfUse)).toEqual(removed);
  });

  test('a publication seals the token for its account', () => {
    const { ExpressionAttributeValues: values } = changeUpdate('main', {
      kind: 'publish',
      owner: 'owner-1',
      token,
      key: 'key-1',
      at: now,
      sends: [],
      isSlow: false,
      loginMs: 700,
      isOtherUser: false,
    });

    expect(values[':seal']).toEqual({ S: seal('main', token) });
    expect(values[':marks']).toEqual({ SS: ['key-1'] });
    expect(values[':holder']).toEqual({ S: 'owner-1' });
  });

  const valuesOf = (change: Exclude<Change, { kind: 'reset' }>) => {
    const { ':schema': _, ':one': __, ...values } = changeUpdate('main', change).ExpressionAttributeValues;
    return values;
  };

  test('a publication binds the token to the settings that it was bought with', () => {
    const publication = { kind: 'publish', owner: 'o', token, key: 'k', at: now, sends: [] } as const;
    const change = { ...publication, isSlow: true, loginMs: 700, isOtherUser: false };

    expect(valuesOf(change)).toMatchObject({
      ':bound_to': { S: boundTo('', accessToken) },
      ':slow': { BOOL: true },
      ':login_ms': { N: '700' },
    });
    const { ExpressionAttributeValues: bound } = changeUpdate('main', change, 'settings');
    expect(bound[':bound_to']).toEqual({ S: boundTo('settings', accessToken) });
  });

  test('a failure writes only what is known of it', () => {
    expect(valuesOf({ kind: 'fail', owner: 'o', endLease: false })).toEqual({ ':holder': { S: 'o' } });
    const logs = { sends: [{ at: 36_000, tag: 'a' }], logins: [{ at: 35_001, tag: '' }] };
    const known = { error, backoff, renewAt: now + 60_000, ...logs, retryRejectedAt: 0, isSlow: false };
    const values = valuesOf({ kind: 'fail', owner: 'o', endLease: true, ...known });

    expect(values).toEqual({
      ':holder': { S: 'o' },
      ':lease_until': { N: '0' },
      ':last_error_code': { S: 'upstream_timeout' },
      ':last_error_at': { N: String(now) },
      ':retry_at': { N: String(now + 5000) },
      ':retry_code': { S: 'upstream_timeout' },
      ':failed_answer': { S: 'upstream_timeout' },
      ':failed_counts': { S: 'unavailable.2 unknown.1' },
      ':renew_at': { N: String(now + 60_000) },
      ':sends': { S: '10.a' },
      ':logins': { S: '10.' },
      ':next_try': { N: '0' },
      ':slow': { BOOL: false },
    });
  });

  test('a connection that could not be made writes its back-off, and when the next renewal ahead of need may be', () => {
    const unreachable = { kind: 'unreachable', revision: 7, error, backoff } as const;
    const written = {
      ':as_read': { N: '7' },
      ':last_error_code': { S: 'upstream_timeout' },
      ':last_error_at': { N: String(now) },
      ':retry_at': { N: String(now + 5000) },
      ':retry_code': { S: 'upstream_timeout' },
      ':failed_answer': { S: 'upstream_timeout' },
      ':failed_counts': { S: 'unavailable.2 unknown.1' },
    };

    expect(valuesOf(unreachable)).toEqual(written);
    expect(valuesOf({ ...unreachable, renewAt: now + 1 })).toEqual({ ...written, ':renew_at': { N: String(now + 1) } });
  });

  test('an account lets go of its user with a back-off', () => {
    expect(valuesOf({ kind: 'retire', revision: 7, retryAt: now })).toEqual({
      ':as_read': { N: '7' },
      ':retry_at': { N: String(now) },
      ':retry_code': { S: 'duplicate_user' },
      ':user_key': { S: 'none' },
    });
  });

  test('a lease is extended, and nothing else is written', () => {
    expect(valuesOf({ kind: 'extend', owner: 'o', leaseUntil: now })).toEqual({
      ':holder': { S: 'o' },
      ':lease_until': { N: String(now) },
    });
  });
});
