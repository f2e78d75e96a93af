import { BrokerError, isOnlyLate } from '../errors.ts';
import type { Outcome } from './flight.ts';
import type { Item } from './item.ts';
import { answerReserveMs, loginNeedsMs } from './login-guard.ts';
import type { Amendment, Ports, Remaining } from './ports.ts';
import { createRenewal } from './refresh-loop.ts';
import { createSingleFlight } from './single-flight.ts';
import { withTimeLimit } from './time-limit.ts';
import { expiresAt, meetsValidity, renewableFrom, type Token } from './token.ts';
import { createMemory, type Held, isFailing } from './token-cache.ts';
import type { Want } from './want.ts';

/** What a caller asks for. */
export interface TokenRequest {
  /** A configured account. */
  readonly account: string;
  /** Asked for by `min_validity`. Milliseconds, 0 or more. */
  readonly minValidityMs?: number;
  /** Fingerprint of a token that Fegora answered 401 to. */
  readonly rejected?: string;
}

/** A token, where it came from, and what is not as it should be. */
export interface Grant {
  readonly token: Token;
  readonly source: 'memory' | 'shared' | 'upstream';
  /** What the token has to live, by whichever of our clocks says less. Milliseconds. */
  readonly remainingMs: number;
  readonly warning?: 'min_validity_unmet' | 'renewal_failing';
}

/** What a warm-up or a verification found or did. */
export interface Upkeep {
  readonly outcome: 'fresh' | 'renewed' | 'skipped';
  /** Epoch milliseconds; absent where there is no token. */
  readonly expiresAt?: number;
}

/** Everything that callers, schedules and operators can ask for. All throw BrokerError and nothing else. */
export interface Broker {
  readonly getToken: (request: TokenRequest, remaining: Remaining) => Promise<Grant>;
  /** Renews a token that is missing or in its renewal window. */
  readonly warm: (account: string, remaining: Remaining) => Promise<Upkeep>;
  /** Logs in with AWSCURRENT if that version is neither marked nor the one that issued the stored token. */
  readonly verify: (account: string, remaining: Remaining) => Promise<Upkeep>;
  readonly status: (account: string, remaining: Remaining) => Promise<Item>;
  readonly amend: (account: string, amendment: Amendment, remaining: Remaining) => Promise<void>;
}

/** The longest that a caller waits for somebody else's login. Milliseconds. */
const longestWaitMs = 10_000;
/** How often an environment looks at the table in the renewal window, and how long it may wait for it. Milliseconds. */
const lookEveryMs = 10_000;
const longestLookMs = 2000;

type Desk = ReturnType<typeof deskOf>;

function deskOf(ports: Ports) {
  /** Environments open their renewal windows at different times. */
  const jitter = ports.random();
  return {
    ...ports,
    jitter,
    memory: createMemory(ports.clock),
    /** When an account's item was last looked at, or at least a flight began. Monotonic milliseconds. */
    lookedAt: new Map<string, number>(),
    land: createSingleFlight(ports.clock, createRenewal(ports, jitter)),
  };
}

/**
 * Serves tokens from memory, else from the shared table, else by the one login that all environments agree on.
 * Its state lives in the closure: one broker per execution environment.
 */
export function createBroker(ports: Ports): Broker {
  const desk = deskOf(ports);
  return {
    getToken: (request, remaining) => serve(desk, request, remaining),
    warm: (account, remaining) => upkeep(desk, account, 'warm', remaining),
    verify: (account, remaining) => upkeep(desk, account, 'verify', remaining),
    status: (account, remaining) =>
      inTime(desk, remaining, async (late) => (await ports.table.read(account, late)).item),
    amend: (account, amendment, remaining) => inTime(desk, remaining, (late) => amend(desk, account, amendment, late)),
  };
}

async function serve(desk: Desk, request: TokenRequest, remaining: Remaining): Promise<Grant> {
  const { account, minValidityMs = 0, rejected } = request;
  const held = rejected === undefined ? desk.memory.usable(account) : undefined;
  if (held === undefined || !meetsValidity(held.token, minValidityMs, trustedNow(desk, held))) {
    return await fly(desk, request, 'serve', remaining);
  }
  return isTimeToLook(desk, account, held, remaining)
    ? await fly(desk, request, 'look', remaining)
    : grantOf(desk, held, 'memory', { minValidityMs });
}

async function fly(desk: Desk, request: TokenRequest, purpose: Want['purpose'], remaining: Remaining): Promise<Grant> {
  const { account, minValidityMs = 0, rejected } = request;
  const { memory } = desk;
  const before = memory.usable(account, rejected)?.token.fingerprint;
  const want: Want = { purpose, minValidityMs, ...(rejected !== undefined && { rejected }) };
  const outcome = await depart(desk, account, want, remaining);
  const best = (outcome.kept ? undefined : memory.admit(outcome)) ?? memory.usable(account, rejected);
  const failure = outcome.failure ?? new BrokerError('renewal_in_progress', 'the token ran out while it was looked at');
  if (best === undefined) {
    throw failure;
  }
  const { fingerprint } = best.token;
  const isBrought = fingerprint === outcome.token?.fingerprint && fingerprint !== before;
  return grantOf(desk, best, isBrought ? outcome.source : 'memory', { minValidityMs, failure: outcome.failure });
}

async function depart(desk: Desk, account: string, want: Want, remaining: Remaining): Promise<Outcome> {
  const { clock, lookedAt, land, memory } = desk;
  const now = clock.monotonic();
  lookedAt.set(account, now);
  const longestMs = want.purpose === 'look' ? longestLookMs : longestWaitMs;
  const until = now + Math.min(longestMs, remaining() - answerReserveMs);
  const outcome = await land({ account, want, remaining, until });
  memory.keep(account, outcome, want.rejected);
  return outcome;
}

function isTimeToLook(desk: Desk, account: string, held: Held, remaining: Remaining): boolean {
  const { clock, lookedAt, jitter } = desk;
  const now = trustedNow(desk, held);
  const quietMs = clock.monotonic() - (lookedAt.get(account) ?? Number.NEGATIVE_INFINITY);
  // A look that began later could end when there is nothing left to serve.
  const outlivesLook = held.wallUntil - now >= longestLookMs + answerReserveMs;
  const isDue = now >= renewableFrom(held.token, jitter) && quietMs >= lookEveryMs;
  return isDue && outlivesLook && remaining() >= loginNeedsMs;
}

/** The wall clock as far as this token goes: where the monotonic clock says that more time went by, that counts. */
function trustedNow({ memory }: Desk, held: Held): number {
  return expiresAt(held.token) - memory.lifeLeftMs(held);
}

async function upkeep(desk: Desk, account: string, purpose: 'warm' | 'verify', remaining: Remaining): Promise<Upkeep> {
  const { token, source, failure } = await depart(desk, account, { purpose, minValidityMs: 0 }, remaining);
  const known = token === undefined ? {} : { expiresAt: expiresAt(token) };
  if (failure === undefined) {
    return { outcome: source === 'upstream' ? 'renewed' : 'fresh', ...known };
  }
  if (isOnlyLate(failure)) {
    return { outcome: 'skipped', ...known };
  }
  throw failure;
}

/** What a caller is told beside the token. */
interface Terms {
  readonly minValidityMs: number;
  readonly failure?: BrokerError | undefined;
}

function grantOf(desk: Desk, held: Held, source: Grant['source'], { minValidityMs, failure }: Terms): Grant {
  const { token, failing } = held;
  const remainingMs = desk.memory.lifeLeftMs(held);
  const grant = { token, source, remainingMs };
  // A renewal that failed long before anybody needs one is no news.
  const isDue = trustedNow(desk, held) >= renewableFrom(token, 0);
  if (isFailing(failure) || (failing && isDue)) {
    return { ...grant, warning: 'renewal_failing' };
  }
  return remainingMs < minValidityMs ? { ...grant, warning: 'min_validity_unmet' } : grant;
}

async function amend({ memory, table }: Desk, account: string, amendment: Amendment, late: AbortSignal): Promise<void> {
  if (!(await table.write(account, { kind: amendment }, late))) {
    throw new BrokerError('table_unavailable', 'the item is of an unknown schema');
  }
  if (amendment === 'purge') {
    memory.forget(account);
  }
}

function inTime<T>({ clock }: Desk, remaining: Remaining, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  return withTimeLimit(clock, remaining() - answerReserveMs, work);
}
