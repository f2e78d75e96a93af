// The expressions that make an unreadable item usable again.
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { resetUpdate } from '../../../../lambda/aws/item-reset.ts';
import { changeUpdate, claimUpdate } from '../../../../lambda/aws/item-update.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';

const now = 1_768_478_400_000;

describe('the update of a reset', () => {
  test('sets the schema, a revision above every earlier one and a wait, while the revision is as it was read', () => {
    const update = resetUpdate('main', { schema: { N: '1' }, revision: { N: '7' }, marks: { S: 'key-1' } }, now);

    expect(update.UpdateExpression).toMatch(
      /^SET #schema = :schema, #revision = :revision, #generation = :generation, #retry_at = :retry_at, #retry_code = :retry_code REMOVE #owner, /,
    );
    expect(update.ConditionExpression).toBe('#revision = :as_read');
    expect(update.ExpressionAttributeValues).toEqual({
      ':schema': { N: '1' },
      ':revision': { N: String(now) },
      ':generation': { N: String(now) },
      ':retry_at': { N: String(now + 32_000) },
      ':retry_code': { S: 'renewal_in_progress' },
      ':as_read': { N: '7' },
    });
  });

  test.each([
    ['in the future', String(now + 5), now + 6],
    ['that is not whole', String(now + 5.5), now + 6],
    ['below 0', '-7', now],
  ])('raises a revision and a generation %s', (_, stored, raised) => {
    const record = { schema: { N: '2' }, revision: { N: stored }, generation: { N: stored } };
    const { ExpressionAttributeValues: values } = resetUpdate('main', record, now);

    expect([values[':revision'], values[':generation']]).toEqual([{ N: String(raised) }, { N: String(raised) }]);
  });

  test.each([[{ S: 'seven' }], [{ M: { of: { N: '1' } } }], [{ NULL: true }]])(
    'compares a revision of any type as it was read: %j',
    (revision) => {
      const update = resetUpdate('main', { schema: { N: '1' }, revision }, now);

      expect(update.ConditionExpression).toBe('#revision = :as_read');
      expect(update.ExpressionAttributeValues[':as_read']).toEqual(revision);
    },
  );

  test('promise 64: takes the account out of the index of what is due', () => {
    const { UpdateExpression } = resetUpdate('main', { schema: { N: '1' } }, now);

    expect(UpdateExpression).toMatch(/ REMOVE .*#due_shard, #due_at, #unasked/);
  });

  test('expects no revision when none was read', () => {
    const update = resetUpdate('main', { schema: { N: '1' } }, now);

    expect(update.ConditionExpression).toBe('attribute_not_exists(#revision)');
    expect(update.ExpressionAttributeValues).not.toHaveProperty([':as_read']);
  });

  test('throws table_unavailable when the table did not say its time', () => {
    const message = 'DynamoDB: the answer has no time, which a reset needs';

    expect(() => resetUpdate('main', {}, undefined)).toThrow(
      expect.objectContaining({ code: 'table_unavailable', message }),
    );
  });

  test('throws renewal_in_progress until 2 s after the end of a lease, and says how long that is', () => {
    const leased = { schema: { N: '2' }, revision: { N: '7' }, lease_until: { N: String(now - 2000) } };

    expect(() => resetUpdate('main', leased, now)).toThrow(
      expect.objectContaining({
        code: 'renewal_in_progress',
        message: 'a login may be under way',
        retryAfterMs: 1,
      }),
    );
    expect(() => resetUpdate('main', leased, now - 10_000)).toThrow(expect.objectContaining({ retryAfterMs: 10_001 }));
    expect(resetUpdate('main', leased, now + 1).ConditionExpression).toBe('#revision = :as_read');
  });

  test('keeps what protects the user if it has its type, and removes what has another or is the fault', () => {
    const kept = {
      marks: { SS: ['key-1'] },
      paused: { BOOL: true },
      user_key: { S: 'user-1' },
      sends: { S: '' },
      logins: { S: '' },
    };
    const removedOf = (change: object) => {
      const { UpdateExpression: text } = resetUpdate('main', { schema: { N: '2' }, ...kept, ...change }, now);
      return Object.keys(kept).filter((name) => new RegExp(`#${name}\\b`).test(text));
    };

    expect(removedOf({})).toEqual([]);
    expect(removedOf({ marks: null, paused: { S: 'true' }, user_key: { N: '1' }, sends: 'x', logins: 5 })).toEqual(
      Object.keys(kept),
    );
    expect(removedOf({ schema: { N: '1' }, revision: { N: '7' }, marks: { SS: 'key-1' } })).toEqual(['marks']);
  });

  test('names each attribute and value that it uses, and no other', () => {
    const { UpdateExpression: text, ...update } = resetUpdate('main', { revision: { N: '7' }, sends: { N: '1' } }, now);
    const used = `${text} ${update.ConditionExpression}`;

    expect(new Set(used.match(/#\w+/g))).toEqual(new Set(Object.keys(update.ExpressionAttributeNames)));
    expect(new Set(used.match(/:\w+/g))).toEqual(new Set(Object.keys(update.ExpressionAttributeValues)));
    expect(text).toContain('#sends');
  });

  test('sets, removes or keeps every attribute that another write sets', () => {
    const accessToken = 'not-a-real-token';
    const token = { accessToken, fingerprint: fingerprint(accessToken), issuedAt: now, lifetimeMs: 1, versionId: 'v1' };
    const backoff = {
      retryAt: now,
      code: 'upstream_timeout',
      answer: 'html_500',
      failures: { unavailable: 1 },
    } as const;
    const error = { code: 'upstream_timeout', at: now } as const;
    const logs = { sends: [], logins: [], retryRejectedAt: now };
    const updates = [
      claimUpdate(emptyItem('main'), { owner: 'o', now, leaseUntil: now, dropToken: true, ...logs }),
      changeUpdate('main', {
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
      }),
      changeUpdate('main', { kind: 'fail', owner: 'o', endLease: true, error, backoff, renewAt: now, ...logs }),
      changeUpdate('main', { kind: 'reject', key: 'k' }),
      changeUpdate('main', { kind: 'pause' }),
    ];
    const written = updates.flatMap(({ ExpressionAttributeNames: names }) => Object.values(names));
    const unreadable = Object.fromEntries(written.map((name) => [name, { B: '' }]));
    const named = Object.values(resetUpdate('main', unreadable, now).ExpressionAttributeNames);

    expect(written.filter((name) => !named.includes(name))).toEqual([]);
  });
});
