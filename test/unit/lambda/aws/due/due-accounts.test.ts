// Tests what a tick reads and sends (lambda/aws/due/due-accounts.ts).
import { describe, expect, test } from 'vitest';
import { type DueOptions, sendDue } from '../../../../../lambda/aws/due/due-accounts.ts';
import { dueShards } from '../../../../../lambda/aws/due/due-index.ts';
import { shardOf } from '../../../../../lambda/aws/due/shards.ts';

const now = Date.UTC(2026, 0, 15, 12);

type Input = Readonly<Record<string, unknown>>;

/** An index with these accounts in pages of this length, and a queue. */
function tick(
  accounts: readonly string[],
  { pageLength = 500, ...replaced }: Partial<DueOptions & { pageLength: number }> = {},
) {
  const queries: Input[] = [];
  const sends: Input[] = [];
  const query = async (input: Input) => {
    queries.push(input);
    const { ':shard': shard } = input.ExpressionAttributeValues as { ':shard': { S: string } };
    const of = accounts.filter((account) => shardOf(account) === shard.S);
    const from = of.indexOf((input.ExclusiveStartKey as { account: { S: string } } | undefined)?.account.S ?? '') + 1;
    const keys = of.slice(from, from + pageLength).map((account) => ({ account: { S: account } }));
    return { Items: keys, ...(from + pageLength < of.length && { LastEvaluatedKey: keys.at(-1) }) };
  };
  const send = async (input: Input) => {
    sends.push(input);
    return { Successful: [] };
  };
  const given = { tableName: 'tokens', queueUrl: 'https://sqs.test/1/due', now, hasTime: () => true };
  const options = { query, send, except: new Set<string>(), ...given };
  const sent = () => sends.flatMap(({ Entries }) => (Entries as { MessageBody: string }[]).map(accountIn));
  return { run: () => sendDue({ ...options, ...replaced }), queries, sends, sent };
}

function accountIn({ MessageBody }: { readonly MessageBody: string }): string {
  return JSON.parse(MessageBody).account;
}

const many = Array.from({ length: 60 }, (_, index) => `tienda-${index}`);

describe('promise 64: a tick', () => {
  test('asks each shard once for keys that are due, and sends nothing when none is', async () => {
    const { run, queries, sends } = tick([]);

    expect(await run()).toBe(0);
    expect(sends).toEqual([]);
    expect(queries.map(({ ExpressionAttributeValues }) => ExpressionAttributeValues)).toEqual(
      dueShards.map((shard) => ({ ':shard': { S: shard }, ':now': { N: String(now) } })),
    );
    expect(queries[0]).toMatchObject({
      TableName: 'tokens',
      IndexName: 'due',
      KeyConditionExpression: 'due_shard = :shard AND due_at <= :now',
      Limit: 500,
    });
  });

  test('sends each account once, page by page, in batches of at most 10', async () => {
    const { run, queries, sends, sent } = tick(many, { pageLength: 7 });

    expect(await run()).toBe(60);
    expect(sent().toSorted()).toEqual(many.toSorted());
    expect(queries.length).toBeGreaterThan(60 / 7);
    expect(sends.every(({ Entries }) => (Entries as unknown[]).length <= 10)).toBe(true);
    expect(sends[0]).toMatchObject({
      QueueUrl: 'https://sqs.test/1/due',
      Entries: Array.from({ length: 7 }, (_, index) => ({ Id: String(index) })),
    });
  });

  test('sends no account that is kept warm otherwise, or never', async () => {
    const { run, sent } = tick(['main', 'tienda-1', 'cold'], { except: new Set(['main', 'cold']) });

    expect(await run()).toBe(1);
    expect(sent()).toEqual(['tienda-1']);
  });

  test('stops when there is no time left', async () => {
    let requests = 0;
    const { run, sends } = tick(many, { pageLength: 7, hasTime: () => ++requests <= 2 });

    await run();
    expect(sends).toHaveLength(2);
  });

  test('does not count what the queue did not take', async () => {
    const { run } = tick(['tienda-1', 'tienda-2'], { send: async () => ({ Failed: [{}] }) });

    expect(await run()).toBe(0);
  });

  test('sends what is in the other shards when one cannot be read, and fails then', async () => {
    const query = async (input: Input) => {
      if (JSON.stringify(input).includes('"S":"2"')) {
        throw new Error('throttled');
      }
      return { Items: [{ account: { S: 'tienda-0' } }] };
    };
    const { run, sends } = tick(many, { query });

    await expect(run()).rejects.toThrow('throttled');
    expect(sends).toHaveLength(3);
  });
});

test.each(['tienda-', '17900', 'a'])(
  'accounts %s… are spread over all shards, also if their ids end alike',
  (start) => {
    for (const end of ['', '001', '-prod']) {
      const shards = Array.from({ length: 1000 }, (_, index) => shardOf(`${start}${index}${end}`));
      for (const shard of dueShards) {
        expect(shards.filter((one) => one === shard).length).toBeGreaterThan(190);
      }
    }
  },
);
