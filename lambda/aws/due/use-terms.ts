// What the item notes of the use of its token, as parts of a write. Called by ../item-update.ts and ../token-table.ts.
import type { Item, Use } from '../../broker/item.ts';
import type { Change } from '../../broker/ports.ts';
import { number, type Terms } from '../update-expressions.ts';
import { shardOf } from './shards.ts';

const unasked = { unasked: number(1) };

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
  return use === 'asked' ? { set: key, remove: ['unasked'] } : { set: { ...key, ...unasked }, remove: [] };
}

/** The condition of a publication: one that takes the account out of use needs that no caller asked during the login. */
export function unlessAsked<T extends Required<Pick<Terms, 'condition' | 'conditionValues'>>>(
  held: T,
  use: Use | undefined,
) {
  const condition = `${held.condition} AND #unasked = :unasked`;
  return use === 'idle' ? { condition, conditionValues: { ...held.conditionValues, ...unasked } } : held;
}

/** What a holder writes in place of a publication that was refused because a caller asked during the login. */
export function withoutIdle(change: Change, { owner, isUnasked }: Item): Change | undefined {
  const isAsked = change.kind === 'publish' && change.use === 'idle' && change.owner === owner && isUnasked !== true;
  return isAsked ? { ...change, use: 'unasked' } : undefined;
}
