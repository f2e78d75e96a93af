// How the index of what is due is divided. Used by use-terms.ts, due-index.ts and the tests.

/**
 * How many values the index's partition key has. The index takes 1,000 writes a second for each, and one login is two writes. A
 * full index throttles the writes of the table. Never less: an item stays in its shard until its next token.
 */
export const shardCount = 4;

/** The shard of an account. Ids that all begin or end alike are spread too. */
export function shardOf(account: string): string {
  return String(Buffer.from(account).reduce((sum, byte) => sum + byte) % shardCount);
}
