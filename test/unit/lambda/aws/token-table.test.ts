// Tests what the shared table concludes when a write is refused or not answered (lambda/aws/token-table.ts). The rest, on
// two kinds of DynamoDB: test/contract/lambda/aws/token-table.test.ts.
import { describe, expect, test } from 'vitest';
import { type CallDynamo, createTokenTable } from '../../../../lambda/aws/token-table.ts';
import type { Change } from '../../../../lambda/broker/ports.ts';

const never = new AbortController().signal;
const now = Date.UTC(2026, 0, 15, 12);
const refusal = Object.assign(new Error('refused'), { name: 'ConditionalCheckFailedException' });
const silence = Object.assign(new Error('no answer'), { name: 'TimeoutError' });

/** A table that fails all writes like this, and answers each read with the next of these items, the last again and again. */
function tableOver(rows: readonly unknown[], failure: Error) {
  const left = [...rows];
  const keys: unknown[] = [];
  const call: CallDynamo = async (operation, input) => {
    keys.push(input.Key);
    if (operation === 'UpdateItem') {
      throw failure;
    }
    return { output: { Item: left.length > 1 ? left.shift() : left[0] }, at: now };
  };
  return { table: createTokenTable(call, 'tokens', () => {}), keys };
}

describe('the binding of a user', () => {
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
