// What the item notes of the use of its token, as parts of a write. Called by ../item-update.ts and ../token-table.ts.
import type { Item, Use } from '../../broker/item.ts';
import type { Change } from '../../broker/ports.ts';
import { number, type Terms } from '../update-expressions.ts';
import { shardOf } from './shards.ts';

/**
 * What a write sets and removes. Only an item that has shard and time is in the index of what is due.
 *
 * @param dueAt when the next warm-up is due. Epoch milliseconds
 */
export function useTerms(account: string, use: Use | undefined, dueAt = 0) {
  if (use === undefined || use === 'idle') {
    return { set: {}, remove: use === undefined ? [] : ['due_shard', 'due_at', 'unasked'] };
  }
  const key = { due_shard: { S: shardOf(account) }, due_at: number(dueAt) };
  return use === 'asked' ? { set: key, remove: ['unasked'] } : { set: { ...key, unasked: number(1) }, remove: [] };
}

/** The condition of a publication: one that takes the account out of use needs that no caller asked during the login. */
export function unlessAsked<T extends Required<Pick<Terms, 'condition'>>>(held: T, use: Use | undefined): T {
  return use === 'idle' ? { ...held, condition: `${held.condition} AND #unasked = :one` } : held;
}

/**
 * The condition of the note that a caller asked: of many who find the same token together, one writes it. Each write changes
 * the revision, and would refuse a claim. What the item does not have is not `>=`.
 */
export const unlessNoted = '#schema = :schema AND (#unasked = :one OR NOT #due_at >= :due_at)';

/** What a holder writes in place of a publication that was refused because a caller asked during the login. */
export function withoutIdle(change: Change, { owner, isUnasked }: Item): Change | undefined {
  const isAsked = change.kind === 'publish' && change.use === 'idle' && change.owner === owner && isUnasked !== true;
  return isAsked ? { ...change, use: 'unasked' } : undefined;
}
