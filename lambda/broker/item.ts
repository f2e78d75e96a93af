import { createHash } from 'node:crypto';
import { BrokerError, type ErrorCode } from '../errors.ts';
import { expiresAt, loginGapMs, servableUntil, type Token } from './token.ts';

/** What all environments know together of one account: the shared table's item, parsed. Times are epoch milliseconds. */
export interface Item {
  readonly account: string;
  /** Grows by one at every write; 0 where there is no item yet. */
  readonly revision: number;
  /** Names what cannot be understood of the item; nobody may log in on such a one. */
  readonly fault?: string;
  /** UUID of the latest claim; stands on after its lease has ended. */
  readonly owner?: string;
  /** End of the latest claim's lease; 0 where it was ended. */
  readonly leaseUntil: number;
  readonly token?: Token;
  /** No claim before this time; `retryCode` says why. */
  readonly retryAt?: number;
  readonly retryCode?: ErrorCode;
  /** The answer of the latest failed login, and how often in a row it came. */
  readonly failedAnswer?: string;
  readonly failures: number;
  /** Credential keys that Fegora refused (`credentialKey`). */
  readonly marks: ReadonlySet<string>;
  /** When a marked version that had logged in before may be tried again. */
  readonly nextTry?: number;
  /** The credential key that logged in last. */
  readonly proven?: string;
  /** No renewal in the window before this time. */
  readonly renewAt?: number;
  readonly forced: ForcedRenewals;
  readonly paused: boolean;
  readonly lastLogin?: number;
  /** Lifetime of the latest token, also after the token itself was removed. Milliseconds. */
  readonly lifetimeMs?: number;
  readonly lastError?: { readonly code: ErrorCode; readonly at: number };
}

/** How many renewals were forced since the window of five minutes opened. */
export interface ForcedRenewals {
  readonly count: number;
  readonly since: number;
}

/** How far apart AWS hosts' clocks are taken to be, at most. Milliseconds. */
export const clockToleranceMs = 2000;

const forcedWindowMs = 5 * 60_000;
const forcedPerWindow = 3;
/** Nobody can tell when an operator ends a pause. Milliseconds. */
const lookAtPauseMs = 30_000;

/** Names a secret version as Fegora sees it: a mark must not outlive a change of client id or token URL. 64 hex digits. */
export function credentialKey(versionId: string, clientId: string, tokenUrl: string): string {
  return createHash('sha256')
    .update(JSON.stringify([versionId, clientId, tokenUrl]))
    .digest('hex');
}

/** The token of a sound item, if it may still be handed out and is not the one reported as rejected. */
export function servableToken({ fault, token }: Item, now: number, rejected?: string): Token | undefined {
  const isServable = fault === undefined && token !== undefined && now < servableUntil(token);
  return isServable && token.fingerprint !== rejected ? token : undefined;
}

/** Whether a token is stored that no environment could hand out any more. */
export function holdsExpiredToken(item: Item, now: number): boolean {
  return item.token !== undefined && expiresAt(item.token) <= now;
}

/** From when on the lease may be stolen: clocks may differ by the tolerance. 0 where no lease stands. */
export function stealableAt({ leaseUntil }: Pick<Item, 'leaseUntil'>): number {
  return leaseUntil === 0 ? 0 : leaseUntil + clockToleranceMs;
}

type Hold = Pick<Item, 'paused' | 'retryAt' | 'retryCode'>;

/** Why nobody may claim now, if so. */
export function holdOf(item: Hold, now: number): BrokerError | undefined {
  if (item.paused) {
    return new BrokerError('paused', 'an operator paused this account', { retryAfterMs: lookAtPauseMs });
  }
  return item.retryAt !== undefined && item.retryAt > now ? retryError(item, item.retryAt - now) : undefined;
}

/**
 * Why a caller without a token need not wait for the login that is under way: the one before it failed, and it is only
 * the probe.
 */
export function probeError(item: Hold): BrokerError | undefined {
  return item.retryCode === undefined ? undefined : retryError(item, undefined);
}

function retryError(item: Hold, retryAfterMs: number | undefined): BrokerError {
  const code = item.retryCode ?? 'upstream_unavailable';
  return new BrokerError(code, 'a login failed a short while ago', retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Until when the latest successful login forbids another, forced ones excepted. */
export function gapEnds(item: Item): number {
  return item.lastLogin === undefined ? 0 : item.lastLogin + loginGapMs(item.lifetimeMs ?? 0);
}

/**
 * A refused version that had logged in before may belong to a locked account: it is due again at `nextTry`, and at once
 * where none is set, which is so when the one that marked it did not know that it had logged in.
 */
export function mayProve({ proven, nextTry = 0 }: Pick<Item, 'proven' | 'nextTry'>, key: string, now: number): boolean {
  return proven === key && nextTry <= now;
}

/**
 * The count with one more forced renewal.
 *
 * @throws BrokerError `too_many_rejections` over three in five minutes
 */
export function forcedOnceMore({ forced }: Item, now: number): ForcedRenewals {
  const windowEnds = forced.since + forcedWindowMs;
  if (forced.count === 0 || now >= windowEnds) {
    return { count: 1, since: now };
  }
  if (forced.count >= forcedPerWindow) {
    throw new BrokerError('too_many_rejections', 'forced renewals are used up', { retryAfterMs: windowEnds - now });
  }
  return { count: forced.count + 1, since: forced.since };
}
