// Reads which accounts are due for a warm-up, and sends them to the queue. Called by send-due.ts.
import { dueIndex, dueShards } from './due-index.ts';

/** What it reads with, and where it sends. The calls throw what the service answers. */
export interface DueOptions {
  /** Query of DynamoDB. */
  readonly query: (input: Readonly<Record<string, unknown>>) => Promise<unknown>;
  /** SendMessageBatch of SQS. */
  readonly send: (input: Readonly<Record<string, unknown>>) => Promise<unknown>;
  readonly tableName: string;
  readonly queueUrl: string;
  /** Accounts that are not sent, also if they are due. */
  readonly except: ReadonlySet<string>;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whether the invocation has time for another request. */
  readonly hasTime: () => boolean;
}

/** Keys that one query reads: 4 units of half a read. */
const pageLength = 500;
/** The most messages that SQS takes at once. */
const batchLength = 10;

/**
 * Sends one message for each account that is due, those first that have been due for the longest time. What it has no time for
 * is still due at the next tick. A shard that fails does not keep the others from being sent.
 *
 * @returns how many messages the queue took
 * @throws what a call threw, after all shards have ended
 */
export async function sendDue(options: DueOptions): Promise<number> {
  const ends = await Promise.allSettled(dueShards.map((shard) => sendShard(shard, options)));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) {
    throw failed.reason;
  }
  return ends.reduce((sum, end) => sum + (end.status === 'fulfilled' ? end.value : 0), 0);
}

async function sendShard(shard: string, options: DueOptions): Promise<number> {
  let sent = 0;
  let from: unknown;
  do {
    const page = await readPage(shard, from, options);
    for (let at = 0; at < page.accounts.length && options.hasTime(); at += batchLength) {
      sent += await sendBatch(page.accounts.slice(at, at + batchLength), options);
    }
    from = page.next;
  } while (from !== undefined && options.hasTime());
  return sent;
}

async function readPage(shard: string, from: unknown, { query, tableName, now, except }: DueOptions) {
  const output = await query({
    TableName: tableName,
    IndexName: dueIndex,
    KeyConditionExpression: 'due_shard = :shard AND due_at <= :now',
    ExpressionAttributeValues: { ':shard': { S: shard }, ':now': { N: String(now) } },
    Limit: pageLength,
    ...(from !== undefined && { ExclusiveStartKey: from }),
  });
  const items = memberOf(output, 'Items');
  const ids = Array.isArray(items) ? items.map((item) => memberOf(memberOf(item, 'account'), 'S')) : [];
  const accounts = ids.filter((id) => typeof id === 'string');
  return { accounts: accounts.filter((account) => !except.has(account)), next: memberOf(output, 'LastEvaluatedKey') };
}

async function sendBatch(accounts: readonly string[], { send, queueUrl }: DueOptions): Promise<number> {
  const entries = accounts.map((account, index) => ({ Id: String(index), MessageBody: JSON.stringify({ account }) }));
  const failed = memberOf(await send({ QueueUrl: queueUrl, Entries: entries }), 'Failed');
  return entries.length - (Array.isArray(failed) ? failed.length : 0);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
