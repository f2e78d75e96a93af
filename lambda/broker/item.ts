// What all environments know together of one account, and what of it allows or forbids a login. Pure; used by the whole core.
import { createHash } from 'node:crypto';
import { BrokerError, type ErrorCode } from '../errors.ts';
import { clockToleranceMs } from './clock.ts';
import { expiresAt, loginGapMs, servableUntil, type Token } from './token.ts';

/** The shared table's item of one account, parsed. Times are epoch milliseconds. */
export interface Item {
  readonly account: string;
  /** Grows by one at every write; 0 if there is no item yet. */
  readonly revision: number;
  /** Names what cannot be understood of the item. Such an item allows no login. */
  readonly fault?: string;
  /** Raised when what environments hold of the account must no longer be handed out; 0 if that never happened. */
  readonly generation: number;
  /** UUID of the latest claim; stays after its lease has ended. */
  readonly owner?: string;
  /** End of the latest claim's lease; 0 if the holder ended it. */
  readonly leaseUntil: number;
  readonly token?: Token;
  /** No claim before this time; `retryCode` says why. */
  readonly retryAt?: number;
  readonly retryCode?: ErrorCode;
  /** The answer of the latest failed login, and how often in a row it came. */
  readonly failedAnswer?: string;
  readonly failures: number;
  /** Keys (`credentialKey`) of the credentials that Fegora refused. */
  readonly rejectedCredentials: ReadonlySet<string>;
  /** When a rejected version that had worked may be tried again. */
  readonly retryRejectedAt?: number;
  /** Key of the credentials that logged in last. */
  readonly lastGood?: string;
  /** No renewal ahead of need before this time. */
  readonly renewAt?: number;
  readonly forced: ForcedRenewals;
  readonly paused: boolean;
  readonly lastLogin?: number;
  /** Lifetime of the latest token; stays after the token is removed. Milliseconds. */
  readonly lifetimeMs?: number;
  readonly lastError?: { readonly code: ErrorCode; readonly at: number };
}

/** How many renewals were forced since the window of five minutes opened. */
export interface ForcedRenewals {
  readonly count: number;
  readonly since: number;
}

/** How long a claim keeps other environments away. Milliseconds. */
export const leaseMs = 15_000;

const forcedWindowMs = 5 * 60_000;
const forcedPerWindow = 3;
/** A pause has no known end, so callers are told to ask again after this time. Milliseconds. */
const lookAtPauseMs = 30_000;

/**
 * Names a secret version as Fegora sees it: a rejection does not outlive a change of client id or token URL. SHA-256, 64
 * hex digits.
 */
export function credentialKey(versionId: string, clientId: string, tokenUrl: string): string {
  return createHash('sha256')
    .update(JSON.stringify([versionId, clientId, tokenUrl]))
    .digest('hex');
}

/** The token of a sound item, if it is servable and is not the one reported as rejected. */
export function servableToken({ fault, token }: Item, now: number, rejected?: string): Token | undefined {
  const isServable = fault === undefined && token !== undefined && now < servableUntil(token);
  return isServable && token.fingerprint !== rejected ? token : undefined;
}

/** Whether a token is stored that has expired. */
export function hasExpiredToken(item: Item, now: number): boolean {
  return item.token !== undefined && expiresAt(item.token) <= now;
}

/** From when on the lease may be taken over: clocks may differ by the tolerance. 0 if no lease stands. Epoch milliseconds. */
export function stealableAt({ leaseUntil }: Pick<Item, 'leaseUntil'>): number {
  return leaseUntil === 0 ? 0 : leaseUntil + clockToleranceMs;
}

/** Whether a lease ends later than any lease can: a clock was far ahead, or another principal wrote it. */
export function isImpossibleLease(leaseUntil: number, now: number): boolean {
  return leaseUntil > now + leaseMs + 2 * clockToleranceMs;
}

type Backoff = Pick<Item, 'paused' | 'retryAt' | 'retryCode'>;

/** Why no claim is allowed now: a pause or a back-off; undefined if neither stands. */
export function blockOf(item: Backoff, now: number): BrokerError | undefined {
  if (item.paused) {
    return new BrokerError('paused', 'an operator paused this account', { retryAfterMs: lookAtPauseMs });
  }
  return item.retryAt !== undefined && item.retryAt > now ? backoffError(item, item.retryAt - now) : undefined;
}

/** The failure that the next login probes; undefined if the latest login succeeded. */
export function probedFailure(item: Backoff): BrokerError | undefined {
  return item.retryCode === undefined ? undefined : backoffError(item, undefined);
}

function backoffError(item: Backoff, retryAfterMs: number | undefined): BrokerError {
  const code = item.retryCode ?? 'upstream_unavailable';
  return new BrokerError(code, 'a login failed a short while ago', retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Until when the latest successful login forbids another one. Forced renewals are exempt. Epoch milliseconds. */
export function gapEnds(item: Item): number {
  return item.lastLogin === undefined ? 0 : item.lastLogin + loginGapMs(item.lifetimeMs ?? 0);
}

/**
 * Whether a rejected version may be tried again. Only one that had logged in before: its user may be locked, and the
 * password right. It is due at `retryRejectedAt`, or at once if that is not set: then the environment that wrote the
 * rejection did not know that the version had worked.
 */
export function mayRetryRejected(
  { lastGood, retryRejectedAt = 0 }: Pick<Item, 'lastGood' | 'retryRejectedAt'>,
  key: string,
  now: number,
): boolean {
  return lastGood === key && retryRejectedAt <= now;
}

/** The count with one more forced renewal; BrokerError `too_many_rejections` if that is more than three in five minutes. */
export function forcedOnceMore({ forced }: Item, now: number): ForcedRenewals | BrokerError {
  const windowEnds = forced.since + forcedWindowMs;
  if (forced.count === 0 || now >= windowEnds) {
    return { count: 1, since: now };
  }
  return forced.count < forcedPerWindow
    ? { count: forced.count + 1, since: forced.since }
    : new BrokerError('too_many_rejections', 'forced renewals are used up', { retryAfterMs: windowEnds - now });
}
