// Writes how a login ended, trying again while there is time. Made by leased-login.ts.
import type { Rejection } from '../item.ts';
import type { LocalState } from '../local-state.ts';
import type { AccountPorts, Change, Failure } from '../ports.ts';
import { withTimeLimit } from '../time-limit.ts';

/** Whether a change was written, refused because another claim came in between, or could not be written in time. */
export type Written = 'written' | 'refused' | 'unwritten';

/** Writes for one account. Nothing here rejects. */
export interface Settlement {
  readonly settle: (change: Change) => Promise<Written>;
  /** Writes that Fegora refused the credentials, then the end of the lease. */
  readonly reject: (rejection: Rejection, end: Failure) => Promise<void>;
}

/** How long the result of a login may take to be written. Milliseconds. */
const settleMs = 2000;

/** Makes the functions that write for one account. */
export function createSettlement(
  { clock, table, random, observe }: Pick<AccountPorts, 'clock' | 'table' | 'random' | 'observe'>,
  state: LocalState,
): Settlement {
  return {
    settle: (change) => withTimeLimit(clock, settleMs, (limit) => write(change, limit)),
    reject: async (rejection, end) => {
      await withTimeLimit(clock, settleMs, (limit) => writeRejection(rejection, end, limit));
      // The secret may have changed since it was cached: ask at once.
      state.secretAskedAt = Number.NEGATIVE_INFINITY;
    },
  };

  /** The rejection first: even if the lease cannot be ended after that, no environment tries this version again. */
  async function writeRejection(rejection: Rejection, end: Failure, limit: AbortSignal): Promise<void> {
    if ((await write(rejection, limit)) === 'written') {
      await write(end, limit);
    } else {
      observe({ kind: 'mark_unwritten' });
      state.unwrittenRejections.set(rejection.key, rejection);
    }
  }

  async function write(change: Change, limit: AbortSignal): Promise<Written> {
    while (!limit.aborted) {
      const isWritten = await table.write(change, limit).catch(() => undefined);
      if (isWritten !== undefined) {
        return isWritten ? 'written' : 'refused';
      }
      await clock.sleep(100 * (1 + random()), limit);
    }
    observe({ kind: 'table_unavailable' });
    return 'unwritten';
  }
}
