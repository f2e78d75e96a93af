// The callers of very many accounts: when they ask, and how they fare. Used by tenants.ts.
import { type Answer, ask, type Scene } from './environment.ts';
import type { Pool } from './pool.ts';

/** How the callers fared. */
export interface CallersSeen {
  readonly calls: number;
  /** Calls for an account in use that found no token: a caller had asked for it within the lifetime before. */
  readonly coldCalls: number;
  /** Calls that got the last seconds of a token. They do not count as use: the next call does, if no other did before. */
  readonly lastSecondCalls: number;
  /** Calls that waited for a login: they found no token, or were the first in the renewal window. */
  readonly slowCalls: number;
  /** How many calls ended with each code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly longestMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
/** Of a token. */
export const lifetimeMs = 30 * minuteMs;
const marginMs = minuteMs;
/** A login of a caller who could be served must end before the token does, and may take 4 s. Milliseconds. */
const lastSecondsMs = 7000;
/** A call that takes longer has waited for a login. */
const slowMs = 500;

/** How long the callers of an account wait between two calls, and when the account is in use. Every third kind is asked for rarely. */
const habits = [
  { betweenMs: 6 * minuteMs, fromMs: 8 * hourMs, toMs: 18 * hourMs },
  { betweenMs: 20 * minuteMs, fromMs: 6 * hourMs, toMs: 22 * hourMs },
  { betweenMs: 6 * hourMs, fromMs: 0, toMs: dayMs },
] as const;

/** @param pool the environments that calls reach */
export function createCallers(scene: Scene, pool: Pool) {
  const { clock, random, table } = scene;
  const errors: Record<string, number> = {};
  const coldAccounts = new Set<string>();
  const seen = { calls: 0, coldCalls: 0, lastSecondCalls: 0, slowCalls: 0, errors, longestMs: 0 };
  return { call, seen, coldAccounts };

  /** Asks for an account until the end. Which habit its callers have depends on its number. */
  async function call(account: string, number: number, endsAt: number): Promise<void> {
    const use = createUse(account);
    const habit = habits[number % habits.length] ?? habits[0];
    for (await pause(habit); clock.monotonic() < endsAt; await pause(habit)) {
      const calledAt = use.begin();
      const answer = await pool.use((environment) => ask(scene, { ...environment, account }));
      use.end(calledAt, answer);
      noteAnswer(answer);
    }
  }

  /** Times between calls as of independent callers. */
  async function pause({ betweenMs, fromMs, toMs }: (typeof habits)[number]): Promise<void> {
    await clock.sleep(-betweenMs * Math.log(1 - random()));
    const sinceMidnight = clock.monotonic() % dayMs;
    const waitMs = sinceMidnight < fromMs ? fromMs - sinceMidnight : dayMs - sinceMidnight + fromMs;
    if (sinceMidnight < fromMs || sinceMidnight > toMs) {
      await clock.sleep(waitMs + betweenMs * random());
    }
  }

  /** Makes the functions that note before and after each call of an account whether it is in use, and whether it has a token. */
  function createUse(account: string) {
    let askedAt = Number.NEGATIVE_INFINITY;
    return {
      begin: () => {
        if (clock.monotonic() - askedAt < lifetimeMs && servableMs(account) <= 0) {
          seen.coldCalls += 1;
          coldAccounts.add(account);
        }
        return clock.monotonic();
      },
      end: (calledAt: number, { remainingMs = lifetimeMs }: Answer) => {
        const isLastSecond = remainingMs - marginMs < lastSecondsMs;
        askedAt = isLastSecond ? askedAt : calledAt;
        seen.lastSecondCalls += isLastSecond ? 1 : 0;
      },
    };
  }

  /** How long the stored token will still be handed out; not positive if it is not. Milliseconds. */
  function servableMs(account: string): number {
    const row = table.rows.get(account);
    return row?.access_token === undefined ? 0 : Number(row.issued_at?.N) + lifetimeMs - marginMs - clock.now();
  }

  function noteAnswer({ tookMs, code }: Answer): void {
    seen.calls += 1;
    seen.slowCalls += tookMs > slowMs ? 1 : 0;
    seen.longestMs = Math.max(seen.longestMs, tookMs);
    if (code !== undefined) {
      errors[code] = (errors[code] ?? 0) + 1;
    }
  }
}
