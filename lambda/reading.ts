import { BrokerError } from './errors.ts';
import { isSteady, type Moment, momentOf } from './guard.ts';
import { clockToleranceMs, type Item, servableToken } from './item.ts';
import type { Ports } from './ports.ts';
import type { Recollection } from './recollection.ts';
import type { Token } from './token.ts';

/** The item at a moment at which our clock agreed with the table's. */
export interface Reading {
  readonly item: Item;
  readonly seen: Moment;
  /** The stored token where it could serve this flight, were nothing better to be had. */
  readonly current: Token | undefined;
}

/** Whose item, and for whom. */
export interface Inquiry {
  readonly account: string;
  readonly want: { readonly rejected?: string };
  readonly memory: Recollection;
  readonly late: AbortSignal;
}

/**
 * The tolerance, the header's second, and one for the read itself. Two environments that are so far off in opposite
 * directions still have the lease (15 s, and 2 s to its theft) outlast the login's deadline (8 s). Milliseconds.
 */
const provenWithinMs = 2 * clockToleranceMs;

/**
 * Reads an account's item, after writing the mark that could not be written before.
 *
 * All environments meet at the table, so its clock is the one they share: whoever is off it by more than the tolerance
 * must neither trust the times in the item nor write its own. Such an item is taken for one that cannot be understood.
 */
export function createReader({ clock, table, observe }: Ports): (inquiry: Inquiry) => Promise<Reading> {
  return async (inquiry) => {
    const { account, want, memory, late } = inquiry;
    if (late.aborted) {
      throw new BrokerError('deadline', 'no time was left to read the table');
    }
    await writePendingMark(inquiry);
    const before = momentOf(clock);
    const { item, at } = await table.read(account, late);
    const seen = momentOf(clock);
    memory.marks = item.marks;
    if (!isSteady(clock, before) || isOff(at, before, seen)) {
      observe({ kind: 'clock_unsteady', account });
      return { item: { ...item, fault: 'its time is not ours' }, seen, current: undefined };
    }
    return { item, seen, current: servableToken(item, seen.wall, want.rejected) };
  };

  async function writePendingMark({ account, memory, late }: Inquiry): Promise<void> {
    if (memory.pendingMark !== undefined) {
      await table.write(account, memory.pendingMark, late);
      delete memory.pendingMark;
    }
  }
}

/**
 * Whether the table's time, whole seconds cut off, does not prove that ours lies within `provenWithinMs` of it. What
 * matters is the proof: a process that is stopped in the middle of its read may get a time from before or from after.
 */
function isOff(at: number | undefined, before: Moment, after: Moment): boolean {
  return at !== undefined && (after.wall - at > provenWithinMs || at + 1000 - before.wall > provenWithinMs);
}
