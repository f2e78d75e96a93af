// Reads the item of one account before the first invocation asks. Created by ../handler.ts, called by the broker.
import { type Moment, momentOf } from '../broker/clock.ts';
import { blockOf, type Item, isLoginLikely, servableToken, stealableAt } from '../broker/item.ts';
import type { Ports, TokenTable } from '../broker/ports.ts';
import { withTimeLimit } from '../broker/time-limit.ts';

/** How long the prefetch may take, and how old its result may be: much less than a lease. Milliseconds. */
const prefetchMs = 1000;
/** How long the read of the secret may take. Milliseconds. */
const longestSecretMs = 1000;

/** A table that prefetched the item of one account. */
export interface PrefetchingTable extends TokenTable {
  /** Resolves when the prefetch has ended or was given up: after two seconds at most. Never rejects. */
  readonly ended: Promise<void>;
}

/**
 * Reads an account's item at once, while the rest of the function is still loading, because Lambda most likely started
 * this environment for a call of that account. The account's first read gets the prefetched item if both clocks say
 * that the item is fresh: Lambda may start an environment long before its first call. A claim is safe even if the item
 * has changed since, because it is conditioned on the item as read.
 *
 * If the item shows that a call will have to log in, the prefetch also reads the secret, which loads the SDK, and before
 * that begins to connect to Fegora, unless another environment logs in. The credential source caches the secret. A
 * failure is ignored here: the call will see it again. The init does not wait for the connection.
 */
export function prefetchItem(
  { table, readCredentials, connect, clock }: PrefetchDependencies,
  account: string,
): PrefetchingTable {
  let prefetched: Promise<() => ReadResult | undefined> = prefetch();
  return {
    ...table,
    ended: prefetched.then(prepareLogin),
    read: async (asked, signal) => {
      if (asked !== account) {
        return table.read(asked, signal);
      }
      const taken = prefetched;
      prefetched = Promise.resolve(() => undefined);
      const current = await Promise.race([abortOf(signal), taken]);
      return current() ?? (await table.read(asked, signal));
    },
  };

  /** Returns a function that gives the item as a read would give it now; undefined once the item is old. */
  async function prefetch() {
    const begun = momentOf(clock);
    const result = await withTimeLimit(clock, prefetchMs, (late) => table.read(account, late)).catch(() => undefined);
    const readAt = clock.monotonic();
    return () => (result !== undefined && isFresh(begun) ? laterBy(clock.monotonic() - readAt, result) : undefined);
  }

  function isFresh(begun: Moment): boolean {
    const { wall, monotonic } = momentOf(clock);
    return [wall - begun.wall, monotonic - begun.monotonic].every((ms) => ms >= 0 && ms <= prefetchMs);
  }

  async function prepareLogin(current: () => ReadResult | undefined): Promise<void> {
    const result = current();
    if (result !== undefined && isLoginDue(result.item, clock.now())) {
      if (isLoginLikely(result.item) && stealableAt(result.item) < clock.now()) {
        connect();
      }
      await readSecret();
    }
  }

  async function readSecret(): Promise<void> {
    await withTimeLimit(clock, longestSecretMs, async (signal) => {
      await readCredentials(account, { past: false, signal }).catch(() => {});
    });
  }
}

/** What a prefetch reads with. */
export interface PrefetchDependencies extends Pick<Ports, 'table' | 'readCredentials' | 'clock'> {
  /** Begins to open the connection of the first login. */
  readonly connect: () => void;
}

type ReadResult = Awaited<ReturnType<TokenTable['read']>>;

function isLoginDue(item: Item, now: number): boolean {
  return item.fault === undefined && servableToken(item, now) === undefined && blockOf(item, now) === undefined;
}

/** Resolves when the signal aborts. No item is known then, and `table.read` refuses the aborted signal. */
function abortOf(signal: AbortSignal): Promise<() => undefined> {
  return new Promise((resolve) => {
    const abort = () => resolve(() => undefined);
    signal.aborted ? abort() : signal.addEventListener('abort', abort, { once: true });
  });
}

/** The table's clock has advanced by the same time. */
function laterBy(ms: number, { item, at }: ReadResult): ReadResult {
  return at === undefined ? { item } : { item, at: at + ms };
}
