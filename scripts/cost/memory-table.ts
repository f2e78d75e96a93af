// The shared table in memory, for an environment that has it for itself. Counts its calls. Called by environment.ts.
import { emptyItem } from '../../lambda/aws/item-record.ts';
import type { Item } from '../../lambda/broker/item.ts';
import type { Change, Claim, TokenTable } from '../../lambda/broker/ports.ts';

/** The table, and how often it was called. */
export interface MemoryTable {
  readonly table: TokenTable;
  readonly calls: { reads: number; writes: number };
}

/**
 * Creates an empty table. It knows only the writes of a login that succeeds.
 *
 * @param now epoch milliseconds
 */
export function createMemoryTable(now: () => number): MemoryTable {
  const items = new Map<string, Item>();
  const calls = { reads: 0, writes: 0 };
  const stored = (account: string) => items.get(account) ?? emptyItem(account);
  const put = (item: Item, change: Partial<Item>): boolean => {
    calls.writes += 1;
    items.set(item.account, { ...item, ...change, revision: item.revision + 1 });
    return true;
  };
  const table: TokenTable = {
    read: async (account) => {
      calls.reads += 1;
      return { item: stored(account), at: Math.floor(now() / 1000) * 1000 };
    },
    claim: async (item, claim) => put(item, claimed(claim)),
    write: async (account, change) => put(stored(account), published(change)),
    bindUser: async (_userKey, binding) => {
      calls.writes += 1;
      return binding;
    },
  };
  return { table, calls };
}

function claimed({ owner, leaseUntil, sends, logins, newUser }: Claim): Partial<Item> {
  return { owner, leaseUntil, sends, logins, ...(newUser !== undefined && { userKey: newUser }) };
}

function published(change: Change): Partial<Item> {
  if (change.kind !== 'publish') {
    throw new Error(`the table of the tables of costs has no ${change.kind}`);
  }
  const { token, key, at, sends, tokenUser } = change;
  return {
    token,
    leaseUntil: 0,
    ...(key !== undefined && { lastGood: key }),
    lastLogin: at,
    lifetimeMs: token.lifetimeMs,
    sends,
    ...(tokenUser !== undefined && { tokenUser }),
  };
}
