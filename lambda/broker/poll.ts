// Says when an environment that waits for a login reads the item again, and sleeps until then. Called by refresh-loop.ts.
import { BrokerError } from '../errors.ts';
import { type Item, leaseMs } from './item.ts';
import type { AccountPorts } from './ports.ts';

/**
 * Pauses between two reads of a call that waits for a login, which vary by half. If it is known how long the latest login took, the first
 * read comes when the login under way should be done; else it comes soon, but `crowded` if the table was throttled: very many wait.
 * Milliseconds.
 */
const pollMs = { blind: [100, 200, 400, 500], aimed: [0, 300, 600, 1000], crowded: [1000] };
/** The reads that aim at the end of one login are spread over this time. Milliseconds. */
const spreadMs = 300;
/** A login is not expected to take longer than this, for the next may be quicker. Milliseconds. */
const longestAimMs = 1000;
/** When to ask again if the end of a login is not known. Milliseconds. */
const askAgainMs = 500;

/** What a call waits for: the time (wall clock) at which to read again at the latest, and the item as it was read. */
interface Awaited {
  readonly againAt: number;
  /** Whether the table was throttled when this call was to write. */
  readonly isCrowded?: boolean;
  readonly item: Item;
}

/** Makes the function that sleeps between two reads. */
export function createPause({ clock, random }: AccountPorts) {
  /** Sleeps until the next read, longer at each poll; the error if there is no time for another read. */
  return async (polls: number, awaited: Awaited, late: AbortSignal): Promise<BrokerError | undefined> => {
    const { againAt, isCrowded, item } = awaited;
    const now = clock.now();
    const pollAfterMs = (polls === 0 ? aimMs(item, now) : undefined) ?? varied(pollsOf(awaited), polls);
    // At least a millisecond: what ends at this very millisecond has not ended yet.
    await clock.sleep(Math.max(1, Math.min(Math.max(0, againAt - now), pollAfterMs)), late);
    if (!late.aborted) {
      return undefined;
    }
    const retryAfterMs = Number.isFinite(againAt) ? againAt - clock.now() : askAgainMs;
    const detail = isCrowded
      ? 'DynamoDB throttles the writes of the account'
      : 'the login under way did not end in time';
    return new BrokerError('renewal_in_progress', detail, { retryAfterMs });
  };

  function aimMs({ loginMs, leaseUntil }: Item, now: number): number | undefined {
    if (loginMs === undefined) {
      return undefined;
    }
    // A lease that this call has just lost is not in the item as it was read.
    const begun = leaseUntil > now ? Math.min(leaseUntil - leaseMs, now) : now;
    return Math.max(0, begun + Math.min(loginMs, longestAimMs) - now) + spreadMs * random();
  }

  function varied(pauses: readonly number[], polls: number): number {
    return (pauses[Math.min(polls, pauses.length - 1)] ?? 0) * (0.5 + random());
  }
}

function pollsOf({ item: { loginMs }, isCrowded }: Awaited): readonly number[] {
  if (loginMs !== undefined) {
    return pollMs.aimed;
  }
  return isCrowded ? pollMs.crowded : pollMs.blind;
}
