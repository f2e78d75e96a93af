// The index of what is due. Read by due-accounts.ts, created by infra/ and the local run.
import { shardCount } from './shards.ts';

/** Its name. */
export const dueIndex = 'due';

/** The values of its partition key. */
export const dueShards: readonly string[] = Array.from({ length: shardCount }, (_, shard) => String(shard));
