import { BrokerError } from './errors.ts';
import type { Ports } from './ports.ts';

/** One look at the table that did not settle it. */
interface Poll {
  /** How many came before it. */
  readonly polls: number;
  /** When to look again at the latest. Epoch milliseconds; infinite where only the other login can tell. */
  readonly againAt: number;
  /** Aborts when there is no time left to wait. */
  readonly late: AbortSignal;
}

/** Spread by half, so that those who wait do not all look at once. Milliseconds. */
const pollMs = { first: 100, longest: 500 };

/**
 * Waits before the next look at the table: 100 ms at first, doubled each time up to 500 ms, each ± 50 %.
 *
 * @throws BrokerError `renewal_in_progress` when there is no time left
 */
export async function pause({ clock, random }: Pick<Ports, 'clock' | 'random'>, poll: Poll): Promise<void> {
  const { polls, againAt, late } = poll;
  const untilThenMs = Math.max(0, againAt - clock.now());
  const pollAfterMs = Math.min(pollMs.first * 2 ** polls, pollMs.longest) * (0.5 + random());
  // At least a millisecond: what ends at this very one has not ended yet.
  await clock.sleep(Math.max(1, Math.min(untilThenMs, pollAfterMs)), late);
  if (late.aborted) {
    const retryAfterMs = Number.isFinite(againAt) ? againAt - clock.now() : pollMs.longest;
    throw new BrokerError('renewal_in_progress', 'the login under way was not done in time', { retryAfterMs });
  }
}
