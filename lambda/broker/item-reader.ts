import { BrokerError } from '../errors.ts';
import { clockToleranceMs, type Item, servableToken } from './item.ts';
import { leaseMs } from './leased-login.ts';
import type { Recollection } from './local-state.ts';
import { isSteady, type Moment, momentOf } from './login-guard.ts';
import type { Ports } from './ports.ts';
import type { Token } from './token.ts';
import type { Want } from './want.ts';

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
  readonly want: Want;
  readonly recollection: Recollection;
  /** Aborts when there is no time left to wait for the table. */
  readonly late: AbortSignal;
}

/**
 * The tolerance, the header's second, and one for the read itself. Two environments that are so far off in opposite
 * directions still have the lease (15 s, and 2 s to its theft) outlast the login's deadline (8 s). Milliseconds.
 */
const provenWithinMs = 2 * clockToleranceMs;

/**
 * Reads an account's item, after writing the marks that could not be written before.
 *
 * All environments meet at the table, so its clock is the one they share: whoever is off it by more than the tolerance
 * must neither trust the times in the item nor write its own. Such an item is taken for one that cannot be understood.
 */
export function createReader({ clock, table, observe }: Ports): (inquiry: Inquiry) => Promise<Reading> {
  return async (inquiry) => {
    const { account, want, late } = inquiry;
    if (late.aborted) {
      throw new BrokerError('deadline', 'no time was left to read the table');
    }
    await writePendingMarks(inquiry);
    const { seen, ...read } = await readSteadily(account, late);
    const item = soundly(read.item, seen.wall, read.isTimed);
    if (item.fault !== undefined && !read.isTimed) {
      observe({ kind: 'clock_unsteady', account });
    }
    return { item, seen, current: servableToken(item, seen.wall, want.rejected) };
  };

  /** A clock that was set during the read says nothing of the item: it is read once more. */
  async function readSteadily(account: string, late: AbortSignal) {
    const first = await readTimed(account, late);
    return first.isTimed ? first : await readTimed(account, late);
  }

  async function readTimed(account: string, late: AbortSignal) {
    const before = momentOf(clock);
    const { item, at } = await table.read(account, late);
    const seen = momentOf(clock);
    return { item, seen, isTimed: isSteady(clock, before) && !isOff(at, before, seen) };
  }

  /** What cannot be written stays, and stops its version here; a token that can be read is not held back for it. */
  async function writePendingMarks({ account, recollection: { pendingMarks }, late }: Inquiry): Promise<void> {
    for (const [key, mark] of pendingMarks) {
      const isWritten = await table.write(account, mark, late).catch(() => false);
      if (isWritten) {
        pendingMarks.delete(key);
      }
    }
  }
}

/** The item with what cannot be true of it taken for a fault, or, of a login that is yet to come, for nothing. */
function soundly(item: Item, now: number, isTimed: boolean): Item {
  if (!isTimed) {
    return { ...item, fault: 'its time is not ours' };
  }
  if (item.leaseUntil > now + leaseMs + 2 * clockToleranceMs) {
    return { ...item, fault: 'lease_until' };
  }
  const { lastLogin, ...rest } = item;
  return lastLogin !== undefined && lastLogin > now + clockToleranceMs ? rest : item;
}

/**
 * Whether the table's time, whole seconds cut off, does not prove that ours lies within `provenWithinMs` of it. What
 * matters is the proof: a process that is stopped in the middle of its read may get a time from before or from after.
 */
function isOff(at: number | undefined, before: Moment, after: Moment): boolean {
  return at !== undefined && (after.wall - at > provenWithinMs || at + 1000 - before.wall > provenWithinMs);
}
