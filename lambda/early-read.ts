import { type Moment, momentOf } from './guard.ts';
import type { Clock, TokenTable } from './ports.ts';

/** How old a reading may be that was made ahead of a call; far less than a lease. Milliseconds. */
const freshMs = 1000;

/** A table whose first read of one account was made ahead. */
export interface EarlyTable extends TokenTable {
  /** When that reading has come, or was given up: at most a second after it was begun. Never rejects. */
  readonly begun: Promise<unknown>;
}

/**
 * Reads an account's item at once, for the call that this environment was most likely started for: connection and
 * answer come while the rest is still being loaded. The first read of that account gets what this one brought, if both
 * clocks say that it is fresh; an environment may be started long before its first call. Nothing is claimed on it that
 * has changed since: a claim holds for the item as read.
 */
export function readEarly(table: TokenTable, account: string, clock: Clock): EarlyTable {
  let early: Promise<() => Reading | undefined> = readAhead();
  return {
    ...table,
    begun: early,
    read: async (asked, signal) => {
      if (asked !== account) {
        return table.read(asked, signal);
      }
      const taken = early;
      early = Promise.resolve(() => undefined);
      const known = await Promise.race([abortOf(signal), taken]);
      return known() ?? (await table.read(asked, signal));
    },
  };

  /** Gives what was read, as it would read now; nothing once that is old. */
  async function readAhead() {
    const begun = momentOf(clock);
    const limit = AbortSignal.timeout(freshMs);
    const reading = await table.read(account, limit).catch(() => undefined);
    const readAt = clock.monotonic();
    return () => (reading !== undefined && isFresh(begun) ? laterBy(clock.monotonic() - readAt, reading) : undefined);
  }

  function isFresh(begun: Moment): boolean {
    const { wall, monotonic } = momentOf(clock);
    return [wall - begun.wall, monotonic - begun.monotonic].every((ms) => ms >= 0 && ms <= freshMs);
  }
}

type Reading = Awaited<ReturnType<TokenTable['read']>>;

/** Then nothing is known, and the table is left to refuse. */
function abortOf(signal: AbortSignal): Promise<() => undefined> {
  return new Promise((resolve) => {
    const abort = () => resolve(() => undefined);
    signal.aborted ? abort() : signal.addEventListener('abort', abort, { once: true });
  });
}

/** The table's clock has gone on as well. */
function laterBy(ms: number, { item, at }: Reading): Reading {
  return at === undefined ? { item } : { item, at: at + ms };
}
