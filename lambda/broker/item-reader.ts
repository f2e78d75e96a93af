// Reads the item of one account, in time with the table's clock. Called by refresh-loop.ts.
import { clockToleranceMs, isSteady, type Moment, momentOf } from './clock.ts';
import { type Item, isImpossibleLease, servableToken } from './item.ts';
import type { LocalState } from './local-state.ts';
import type { AccountPorts } from './ports.ts';
import type { Snapshot } from './refresh.ts';

/**
 * The tolerance, the second that the header cuts off, and one for the read itself. Even if two environments are this far
 * off in opposite directions, the lease (15 s, and 2 s until it may be taken over) outlasts the login's deadline (8 s).
 * Milliseconds.
 */
const provenWithinMs = 2 * clockToleranceMs;

/** Reads the item. @throws BrokerError `table_unavailable`, `configuration` */
export type ReadSnapshot = (rejected: string | undefined, late: AbortSignal) => Promise<Snapshot>;

/**
 * Reads the item, after writing the rejections that could not be written before.
 *
 * The table's clock is the one that all environments share. An environment that is off it by more than the tolerance must
 * not trust the times in the item, and must not write its own: the item counts as faulty.
 */
export function createItemReader({ clock, table, observe, renewWith }: AccountPorts, state: LocalState): ReadSnapshot {
  return async (rejected, late) => {
    await writeRejections(late);
    const { seen, isTimed, ...read } = await readSteadily(late);
    const item = withoutImpossible(read.item, seen.wall, isTimed);
    if (!isTimed) {
      observe({ kind: 'clock_unsteady' });
    }
    const known = read.item.fault === undefined && { generation: read.item.generation };
    return { item, seen, ...known, current: servableToken(item, seen.wall, rejected) };
  };

  /** Reads once more if our clock was set during the read: such a read says nothing of the item. */
  async function readSteadily(late: AbortSignal) {
    const first = await readTimed(late);
    return first.isTimed ? first : await readTimed(late);
  }

  async function readTimed(late: AbortSignal) {
    const before = momentOf(clock);
    const { item: stored, at, sentAt = before.wall } = await table.read(late);
    const item = renewWith === 'refresh_token' ? stored : withoutRefreshToken(stored);
    const seen = momentOf(clock);
    return { item, seen, isTimed: isSteady(clock, before) && !isOff(at, sentAt, seen) };
  }

  /** A rejection that cannot be written stays here and stops its version. The token can be read all the same. */
  async function writeRejections(late: AbortSignal): Promise<void> {
    for (const [key, rejection] of state.unwrittenRejections) {
      const isWritten = await table.write(rejection, late).catch(() => false);
      if (isWritten) {
        state.unwrittenRejections.delete(key);
      }
    }
  }
}

/** What another setting has left in the item may not be used. */
function withoutRefreshToken({ refreshToken: _, ...item }: Item): Item {
  return item;
}

/** Turns what cannot be true of the item into a fault. A login that is yet to come counts as no login. */
function withoutImpossible(item: Item, now: number, isTimed: boolean): Item {
  if (!isTimed) {
    return { ...item, fault: 'its time is not ours' };
  }
  if (isImpossibleLease(item.leaseUntil, now)) {
    return { ...item, fault: 'lease_until' };
  }
  const { lastLogin, ...rest } = item;
  return lastLogin !== undefined && lastLogin > now + clockToleranceMs ? rest : item;
}

/**
 * Whether the table's time (whole seconds cut off) does not prove that ours is within `provenWithinMs` of it. An answer
 * without a time proves nothing. A process that is stopped in the middle of its read may get a time from before the stop or from after it, so only the proof counts.
 */
function isOff(at: number | undefined, sentAt: number, after: Moment): boolean {
  return at === undefined || after.wall - at > provenWithinMs || at + 1000 - sentAt > provenWithinMs;
}
