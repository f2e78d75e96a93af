// Remembers ids that no open account has, so that each costs one read of a secret a minute. Created by ../../handler.ts.

/** The ids that were looked up within the last minute, and that no account has. */
export interface UnknownAccounts {
  /** @param withinMs how long ago the id was looked up at most. Milliseconds. @default a minute */
  readonly has: (account: string, withinMs?: number) => boolean;
  readonly add: (account: string) => void;
  readonly delete: (account: string) => void;
  /**
   * Until when no other id may be looked up, because as many are remembered as one environment may remember. Milliseconds from
   * now; 0 if another id may be looked up.
   */
  readonly fullForMs: () => number;
}

/** How long an id is remembered. Milliseconds. */
const rememberedMs = 60_000;
/** About 2 MB. One environment works on one call at a time, and does not look up so many in a minute. */
const mostIds = 10_000;

/** Starts without an id. What is remembered has a bound, and no id is forgotten before its minute is over. */
export function createUnknownAccounts(now: () => number): UnknownAccounts {
  /** When each was looked up, the earliest first. */
  const ids = new Map<string, number>();
  /** A clock that went back must not make an id last longer. */
  const leftMs = (at: number, ms = rememberedMs) => (at > now() ? 0 : at + ms - now());

  return {
    has: (account, withinMs) => leftMs(ids.get(account) ?? Number.NEGATIVE_INFINITY, withinMs) > 0,
    add: (account) => {
      ids.delete(account);
      if (fullForMs() === 0) {
        ids.set(account, now());
      }
    },
    delete: (account) => ids.delete(account),
    fullForMs,
  };

  function fullForMs(): number {
    for (const [account, at] of ids) {
      if (leftMs(at) > 0) {
        return ids.size < mostIds ? 0 : leftMs(at);
      }
      ids.delete(account);
    }
    return 0;
  }
}
