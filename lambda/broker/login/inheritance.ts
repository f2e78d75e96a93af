// What an account that gets a Fegora user learns from the accounts that had it. Called by user-binding.ts.
import type { Item, LogEntry } from '../item.ts';
import type { Inheritance } from '../ports.ts';
import { recent } from './doubt.ts';

/** What the account of the first item inherits from the others. `now` is in epoch milliseconds. */
export function inheritanceOf(
  item: Item,
  others: readonly Item[],
  now: number,
): Omit<Inheritance, 'kind' | 'revision' | 'newUser'> {
  return { ...knownBy(others), ...logsOf([item, ...others], now) };
}

/** All rejections; late tries and the lifetime by the first item that knows them. */
function knownBy(items: readonly Item[]): Pick<Inheritance, 'rejectedCredentials' | keyof Known> {
  const known: Partial<Known> = {};
  for (const item of [...items].reverse()) {
    Object.assign(known, knownOf(item));
  }
  const rejected = new Set(items.flatMap(({ rejectedCredentials }) => [...rejectedCredentials]));
  return { ...known, rejectedCredentials: [...rejected] };
}

type Known = Pick<Inheritance, 'lastGood' | 'retryKey' | 'retryRejectedAt' | 'lifetimeMs'>;

function knownOf({ lastGood, retryKey, retryRejectedAt, lifetimeMs }: Item): Known {
  return {
    ...(lastGood !== undefined && { lastGood }),
    ...(retryKey !== undefined && { retryKey }),
    ...(retryRejectedAt !== undefined && { retryRejectedAt }),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  };
}

function logsOf(items: readonly Item[], now: number): Pick<Item, 'sends' | 'logins'> {
  return {
    sends: recent(items.map(({ sends }) => sends).reduce(union), now),
    logins: recent(items.map(({ logins }) => logins).reduce(union), now),
  };
}

/**
 * The entries of both logs in their order. One account may have taken entries from the other, so of equal entries as many
 * stay as the log has that has more of them.
 */
function union(one: readonly LogEntry[], other: readonly LogEntry[]): readonly LogEntry[] {
  const more = other.filter((entry, index) => countOf(one, entry) < countOf(other.slice(0, index + 1), entry));
  return [...one, ...more].sort((a, b) => a.at - b.at);
}

function countOf(log: readonly LogEntry[], { at, tag }: LogEntry): number {
  return log.filter((entry) => entry.at === at && entry.tag === tag).length;
}
