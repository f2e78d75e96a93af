// One DynamoDB table as its partitions are: with latencies, and limits for each key. Used by fleet.ts.

import type { CallDynamo } from '../../lambda/aws/call-dynamo.ts';
import { DynamoFault } from '../../lambda/aws/call-dynamo.ts';
import { createMemoryDynamo } from '../support/memory-dynamo.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { createBucket } from './bucket.ts';

/** Units a second of one key, and as many at once. */
export interface PartitionLimits {
  /** Strongly consistent reads of up to 4 KB. */
  readonly reads: number;
  /** Writes of up to 1 KB. */
  readonly writes: number;
}

/**
 * What DynamoDB gives one partition.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
export const partitionLimits: PartitionLimits = { reads: 3000, writes: 1000 };
/** What one unit covers: a strongly consistent read of 4 KB, a write of 1 KB. Bytes. */
const bytesOfUnit = { GetItem: 4096, UpdateItem: 1024 } as const;
/** Single-digit milliseconds, with a tail. The shape is a guess; what is measured does not depend on it. */
const latencyMs = { GetItem: { least: 2, tail: 2 }, UpdateItem: { least: 4, tail: 3 } } as const;

type Operation = keyof typeof bytesOfUnit;

/** What the index costs beside the table. Units. */
interface IndexUse {
  writes: number;
  reads: number;
  queries: number;
}

/** One request that the table got, throttled or not. */
export interface TableRequest {
  readonly operation: Operation;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly isThrottled: boolean;
  /** Units of the table. */
  readonly units: number;
}

export interface PartitionOptions {
  readonly clock: VirtualClock;
  readonly random: () => number;
  /** @default none */
  readonly limits?: PartitionLimits | undefined;
}

/** Every key has a partition of its own: the best that DynamoDB's splitting for heat can do. */
export function createPartitions({ clock, random, limits }: PartitionOptions) {
  const { call: apply, rows } = createMemoryDynamo(clock.now);
  const requests: TableRequest[] = [];
  const index: IndexUse = { writes: 0, reads: 0, queries: 0 };
  const buckets = new Map<string, ReturnType<typeof createBucket>>();
  const half = async (operation: Operation, signal: AbortSignal) => {
    const { least, tail } = latencyMs[operation];
    await clock.sleep((least - tail * Math.log(1 - random())) / 2, signal);
    signal.throwIfAborted();
  };

  const call: CallDynamo = async (operation, input, signal) => {
    const before = () => dueKeyOf(rows.get((input.Key as { account: { S: string } }).account.S));
    await half(operation, signal);
    const key = (input.Key as { account: { S: string } }).account.S;
    const units = Math.max(1, Math.ceil(sizeOf(rows.get(key)) / bytesOfUnit[operation]));
    const isThrottled = limits !== undefined && !take(operation, key, { units, limits });
    requests.push({ operation, at: clock.monotonic(), isThrottled, units });
    if (isThrottled) {
      await half(operation, signal);
      throw new DynamoFault('ThrottlingException', 400);
    }
    const old = before();
    try {
      return await apply(operation, input, signal);
    } finally {
      index.writes += unitsOfIndex(old, before());
      await half(operation, signal);
    }
  };
  return { call, rows, requests, index, query };

  /** Query of the index, as due-accounts.ts asks. A key takes 100 bytes, a unit covers 8 KB. */
  async function query(input: Readonly<Record<string, unknown>>): Promise<unknown> {
    const values = input.ExpressionAttributeValues as { ':shard': { S: string }; ':now': { N: string } };
    const from = (input.ExclusiveStartKey as { place: number } | undefined)?.place ?? 0;
    await clock.sleep(latencyMs.GetItem.least + latencyMs.GetItem.tail * random());
    const due = [...rows]
      .filter(([, row]) => row.due_shard?.S === values[':shard'].S && Number(row.due_at?.N) <= Number(values[':now'].N))
      .sort(([, a], [, b]) => Number(a.due_at?.N) - Number(b.due_at?.N));
    const page = due.slice(from, from + Number(input.Limit));
    index.queries += 1;
    index.reads += Math.max(0.5, Math.ceil((page.length * 100) / 4096) / 2);
    const next = from + page.length;
    return {
      Items: page.map(([account]) => ({ account: { S: account } })),
      ...(next < due.length && { LastEvaluatedKey: { place: next } }),
    };
  }

  function take(operation: Operation, key: string, { units, limits: of }: Taking): boolean {
    const name = `${operation} ${key}`;
    const perSecond = operation === 'GetItem' ? of.reads : of.writes;
    const bucket = buckets.get(name) ?? createBucket({ clock, perSecond, burst: perSecond });
    buckets.set(name, bucket);
    return bucket(units);
  }
}

/** Units to take, and the limits of the key. */
interface Taking {
  readonly units: number;
  readonly limits: PartitionLimits;
}

/** The key of a row in the index; undefined if it is not in it. */
function dueKeyOf(row: Readonly<Record<string, { N?: string }>> | undefined): string | undefined {
  return row?.due_shard === undefined ? undefined : row.due_at?.N;
}

/** A changed key is a removal and a new entry. */
function unitsOfIndex(old: string | undefined, now: string | undefined): number {
  return old === now ? 0 : [old, now].filter((key) => key !== undefined).length;
}

function sizeOf(row: unknown): number {
  return row === undefined ? 0 : JSON.stringify(row).length;
}
