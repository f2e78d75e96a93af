import { holdOf, type Item, servableToken } from '../broker/item.ts';
import { type Moment, momentOf } from '../broker/login-guard.ts';
import type { Ports, TokenTable } from '../broker/ports.ts';
import { withTimeLimit } from '../broker/time-limit.ts';

/** How old a reading may be that was made ahead of a call; far less than a lease. Milliseconds. */
const freshMs = 1000;
/** How long the secret may take. Milliseconds. */
const longestSecretMs = 1000;

/** A table whose first read of one account was made ahead. */
export interface EarlyTable extends TokenTable {
  /** When all that was begun has come or was given up: at most two seconds. Never rejects. */
  readonly ended: Promise<void>;
}

/**
 * Reads an account's item at once, for the call that this environment was most likely started for: connection and
 * answer come while the rest is still being loaded. The first read of that account gets what this one brought, if both
 * clocks say that it is fresh; an environment may be started long before its first call. Nothing is claimed on it that
 * has changed since: a claim holds for the item as read.
 *
 * Where the item shows that a call will have to log in, the secret is read too, and the SDK loaded for it. What came
 * of that is the credential source's to keep, and a failure is left for the call to meet.
 */
export function readEarly({ table, readCredentials, clock }: Parts, account: string): EarlyTable {
  let early: Promise<() => Reading | undefined> = readAhead();
  return {
    ...table,
    ended: early.then(readSecret),
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
    const reading = await withTimeLimit(clock, freshMs, (late) => table.read(account, late)).catch(() => undefined);
    const readAt = clock.monotonic();
    return () => (reading !== undefined && isFresh(begun) ? laterBy(clock.monotonic() - readAt, reading) : undefined);
  }

  function isFresh(begun: Moment): boolean {
    const { wall, monotonic } = momentOf(clock);
    return [wall - begun.wall, monotonic - begun.monotonic].every((ms) => ms >= 0 && ms <= freshMs);
  }

  async function readSecret(known: () => Reading | undefined): Promise<void> {
    const reading = known();
    if (reading !== undefined && isLoginDue(reading.item, clock.now())) {
      await withTimeLimit(clock, longestSecretMs, async (signal) => {
        await readCredentials(account, { past: false, signal }).catch(() => {});
      });
    }
  }
}

type Parts = Pick<Ports, 'table' | 'readCredentials' | 'clock'>;
type Reading = Awaited<ReturnType<TokenTable['read']>>;

function isLoginDue(item: Item, now: number): boolean {
  return item.fault === undefined && servableToken(item, now) === undefined && holdOf(item, now) === undefined;
}

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
