// Tests what the shared table concludes when a write is refused or not answered (lambda/aws/token-table.ts). The rest, on
// two kinds of DynamoDB: test/contract/lambda/aws/token-table.test.ts.
import { describe, expect, test } from 'vitest';
import type { CallDynamo } from '../../../../lambda/aws/call-dynamo.ts';
import { DynamoFault } from '../../../../lambda/aws/call-dynamo.ts';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { createTokenTable } from '../../../../lambda/aws/token-table.ts';
import type { Change, Claim } from '../../../../lambda/broker/ports.ts';

const never = new AbortController().signal;
const now = Date.UTC(2026, 0, 15, 12);
const refusal = Object.assign(new Error('refused'), { name: 'ConditionalCheckFailedException' });
const silence = Object.assign(new Error('no answer'), { name: 'TimeoutError' });

/** A table that fails all writes like this, and answers each read with the next of these items, the last again and again. */
function tableOver(rows: readonly unknown[], failure: Error) {
  const left = [...rows];
  const keys: unknown[] = [];
  const onces: unknown[] = [];
  const call: CallDynamo = async (operation, input, _, isOnce) => {
    keys.push(input.Key);
    onces.push(isOnce);
    if (operation === 'UpdateItem') {
      throw failure;
    }
    return { output: { Item: left.length > 1 ? left.shift() : left[0] }, at: now };
  };
  return { table: createTokenTable(call, 'tokens', () => {}), keys, onces };
}

/** DynamoDB's refusal of a write, with the record that did not meet the condition. */
const refusalOf = (record: unknown) => new DynamoFault('ConditionalCheckFailedException', 400, record);
const throttle = new DynamoFault('ThrottlingException', 400);
const item = emptyItem('main');
const claim: Claim = { owner: 'o', now, leaseUntil: now + 15_000, dropToken: false, sends: [], logins: [] };
const leasedBy = (owner: string) => ({ schema: { N: '1' }, revision: { N: '1' }, owner: { S: owner } });

describe('a claim', () => {
  test.each([
    ['other', false],
    ['o', true],
  ])('costs one request when it is refused and the refusal shows who holds the lease (%s)', async (owner, isOurs) => {
    const { table, keys } = tableOver([], refusalOf(leasedBy(owner)));

    expect(await table.claim(item, claim, never)).toBe(isOurs);
    expect(keys).toHaveLength(1);
  });

  test.each([
    ['other', false],
    ['o', true],
  ])('reads the item when the refusal does not show it (%s)', async (owner, isOurs) => {
    const { table, keys } = tableOver([leasedBy(owner)], refusalOf(undefined));

    expect(await table.claim(item, claim, never)).toBe(isOurs);
    expect(keys).toHaveLength(2);
  });

  test('is lost, and neither repeated nor read back, when it is throttled', async () => {
    const { table, keys, onces } = tableOver([leasedBy('o')], throttle);

    expect(await table.claim(item, claim, never)).toBeUndefined();
    expect(keys).toHaveLength(1);
    expect(onces).toEqual([true]);
  });
});

describe('a write', () => {
  test('costs one request when the refusal shows the item', async () => {
    const change: Change = { kind: 'extend', owner: 'o', leaseUntil: now };
    const done = tableOver([], refusalOf({ ...leasedBy('o'), lease_until: { N: String(now) } }));
    const refused = tableOver([], refusalOf(leasedBy('other')));

    expect(await done.table.write('main', change, never)).toBe(true);
    expect(await refused.table.write('main', change, never)).toBe(false);
    expect([done.keys.length, refused.keys.length]).toEqual([1, 1]);
    expect(done.onces).toEqual([false]);
  });

  test('of a holder whose lease went to another costs one request, also if it has a refresh token', async () => {
    const refresh = { token: 'not-a-real-refresh', generation: 0 };
    const change: Change = { kind: 'fail', owner: 'o', endLease: true, refresh };
    const { table, keys } = tableOver([], refusalOf(leasedBy('other')));

    expect(await table.write('main', change, never)).toBe(false);
    expect(keys).toHaveLength(1);
  });

  const at = { code: 'upstream_unavailable', at: now } as const;
  const backoff = { retryAt: now, code: at.code, answer: at.code, failures: {} };
  const token = { accessToken: 'a', fingerprint: 'f', issuedAt: now, lifetimeMs: 1000, versionId: 'v1' };
  const login = { owner: 'o', key: 'k', at: now, sends: [], isSlow: false, loginMs: 1, isOtherUser: false };

  test.for<[string, Change]>([
    ['a token', { kind: 'publish', token, ...login }],
    ['the failure of a login', { kind: 'fail', owner: 'o', endLease: true }],
    ['a rejection', { kind: 'reject', key: 'k' }],
    ['a failed connection', { kind: 'unreachable', revision: 1, error: at, backoff }],
    ['a note that a caller asked', { kind: 'note', dueAt: now }],
  ])('neither waits nor reads the item back when it is throttled and is %s', async ([, change]) => {
    const { table, keys, onces } = tableOver([leasedBy('o')], throttle);

    await expect(table.write('main', change, never)).rejects.toMatchObject({ code: 'table_unavailable' });
    expect(keys).toHaveLength(1);
    expect(onces).toEqual([true]);
  });
});

test('a read that was throttled until its time was over ends with table_unavailable', async () => {
  const table = createTokenTable(
    () => Promise.reject(throttle),
    'tokens',
    () => {},
  );

  await expect(table.read('main', never)).rejects.toMatchObject({
    code: 'table_unavailable',
    message: 'DynamoDB: ThrottlingException',
  });
});

test('a read says when it was answered, and when the request was sent that was', async () => {
  const table = createTokenTable(
    async () => ({ output: {}, at: now, sentAt: now + 5 }),
    'tokens',
    () => {},
  );

  expect(await table.read('main', never)).toEqual({ item, at: now, sentAt: now + 5 });
});

describe('the binding of a user', () => {
  test('costs one request when the refusal shows the owner', async () => {
    const { table, keys } = tableOver([], refusalOf({ owner_account: { S: 'other' } }));

    expect(await table.bindUser('user-1', { account: 'main' }, never)).toEqual({ account: 'other' });
    expect(keys).toHaveLength(1);
  });

  test('says nothing, and is neither repeated nor read back, when it is throttled', async () => {
    const { table, keys, onces } = tableOver([{ owner_account: { S: 'main' } }], throttle);

    expect(await table.bindUser('user-1', { account: 'main' }, never)).toBeUndefined();
    expect(keys).toHaveLength(1);
    expect(onces).toEqual([true]);
  });

  test('says which account has the user when another was faster, or when no answer came', async () => {
    const owned = { owner_account: { S: 'other' }, from_account: { S: 'old' } };
    for (const failure of [refusal, silence]) {
      const { table, keys } = tableOver([owned], failure);

      expect(await table.bindUser('user-1', { account: 'main' }, never)).toEqual({ account: 'other', from: 'old' });
      expect(keys).toEqual([{ account: { S: 'user#user-1' } }, { account: { S: 'user#user-1' } }]);
    }
  });

  test('throws table_unavailable when it was refused but the item names no account', async () => {
    const { table } = tableOver([{ owner_account: { N: '5' } }], refusal);

    await expect(table.bindUser('user-1', { account: 'main' }, never)).rejects.toMatchObject({
      code: 'table_unavailable',
      message: "the item of the user can't be understood",
    });
  });

  test('throws the failure of the write when no answer came and the item is not there', async () => {
    const { table } = tableOver([undefined], silence);

    await expect(table.bindUser('user-1', { account: 'main' }, never)).rejects.toMatchObject({
      code: 'table_unavailable',
      message: 'DynamoDB: TimeoutError',
    });
  });
});

describe('a write that was not answered', () => {
  const sound = { schema: { N: '1' }, revision: { N: '8' }, owner: { S: 'o' } };
  const faulty = { ...sound, schema: { N: '2' } };
  const extension: Change = { kind: 'extend', owner: 'o', leaseUntil: now };
  const leased = { ...sound, lease_until: { N: String(now) } };

  test.for([
    ['an extension', 'has its lease and owner', extension, [leased]],
    ['a reset', 'is sound and without a lease', { kind: 'reset' }, [faulty, sound]],
  ] as const)('was made when it was %s and the item %s', async ([, , change, rows]) => {
    expect(await tableOver(rows, silence).table.write('main', change, never)).toBe(true);
  });

  test.for([
    ['an extension', 'has another owner', extension, [{ ...leased, owner: { S: 'other' } }]],
    ['an extension', 'has another lease', extension, [{ ...leased, lease_until: { N: String(now - 1) } }]],
    ['a reset', 'is still faulty', { kind: 'reset' }, [faulty]],
    ['a reset', 'has a lease', { kind: 'reset' }, [faulty, leased]],
  ] as const)('was not made when it was %s and the item %s', async ([, , change, rows]) => {
    const unavailable = { code: 'table_unavailable' };

    await expect(tableOver(rows, silence).table.write('main', change, never)).rejects.toMatchObject(unavailable);
    expect(await tableOver(rows, refusal).table.write('main', change, never)).toBe(false);
  });
});
