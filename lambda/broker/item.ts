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
  /** `userKey` of the user that the latest token was bought as; stays after the token is removed. */
  readonly tokenUser?: string;
  /** What can renew the latest token without the password, if it belongs to that token and may be used. */
  readonly refreshToken?: RefreshToken;
  /** `held`: a refresh token is stored, whether it may be used or not. `taken`: the latest claim has taken it out. */
  readonly refresh?: 'held' | 'taken';
  /** No claim before this time; `retryCode` says why. */
  readonly retryAt?: number;
  readonly retryCode?: ErrorCode;
  /** The answer of the latest failed login. */
  readonly failedAnswer?: string;
  /** How many logins failed since the latest token, by class (`classOf`). */
  readonly failures: Readonly<Record<string, number>>;
  /** Whether Fegora took longer for its latest answer than a login usually waits: the next login listens longer. */
  readonly isSlow: boolean;
  /** Keys (`credentialKey`) of the credentials that Fegora refused. */
  readonly rejectedCredentials: ReadonlySet<string>;
  /** When the rejected version that had worked, or that `retryKey` names, may be tried again. */
  readonly retryRejectedAt?: number;
  /** Key of rejected credentials that get a late try, because their user may have been locked when they were refused. */
  readonly retryKey?: string;
  /** Key of the credentials that logged in last. */
  readonly lastGood?: string;
  /** No renewal ahead of need before this time. */
  readonly renewAt?: number;
  /** Sends of this user that brought no token, and whose password may be wrong: the last 24 hours. */
  readonly sends: readonly LogEntry[];
  /** Logins of this user: the last 24 hours. */
  readonly logins: readonly LogEntry[];
  /** `userKey` of the Fegora user that this account is bound to. */
  readonly userKey?: string;
  readonly paused: boolean;
  readonly lastLogin?: number;
  /** How long the latest successful login took, from its first byte. Milliseconds. */
  readonly loginMs?: number;
  /** Lifetime of the latest token; stays after the token is removed. Milliseconds. */
  readonly lifetimeMs?: number;
  readonly lastError?: { readonly code: ErrorCode; readonly at: number };
  /** When a warm-up is due, because callers use the account. Epoch milliseconds. */
  readonly dueAt?: number;
  /** Whether a warm-up bought the token, and no caller has asked for it yet. */
  readonly isUnasked?: boolean;
}

/**
 * What the item notes of the latest token. `asked`: a caller asked for it. `unasked`: no caller has asked for it yet, and one
 * had for the token before. `idle`: no caller asked for the last two, so the account is not kept warm.
 */
export type Use = 'asked' | 'unasked' | 'idle';

/** A secret of the account: Fegora accepts it once, in place of the password. */
export interface RefreshToken {
  readonly text: string;
  /** VersionId of the secret that the chain of tokens began with. */
  readonly versionId: string;
}

/** One event of a log. */
export interface LogEntry {
  /** Epoch milliseconds. */
  readonly at: number;
  /** What the event belongs to: 8 hex digits, or empty. */
  readonly tag: string;
}

/** The note that Fegora refused the credentials with this key. */
export interface Rejection {
  readonly kind: 'reject';
  readonly key: string;
  /** When the version gets another try; absent if it gets none. */
  readonly retryRejectedAt?: number;
}

/** How long a claim keeps other environments away. Milliseconds. */
export const leaseMs = 15_000;

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

/** `userKey` of an account that has let go of its user, which differs from never having had one. */
export const noUser = 'none';

/** Whether the account is bound to a user. */
export function hasUser({ userKey: user }: Pick<Item, 'userKey'>): boolean {
  return user !== undefined && user !== noUser;
}

/** Names a Fegora user. Fegora does not tell upper from lower case in user names. SHA-256, 64 hex digits. */
export function userKey(tokenUrl: string, username: string): string {
  return createHash('sha256')
    .update(JSON.stringify([tokenUrl, username.toLowerCase()]))
    .digest('hex');
}

/** The token of a sound item that is not paused, if it is servable and is not the one reported as rejected. */
export function servableToken({ fault, token, paused }: Item, now: number, rejected?: string): Token | undefined {
  const isServable = fault === undefined && !paused && token !== undefined && now < servableUntil(token);
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

/** Whether a login that is due most probably follows: the account has its user, and its password was not just refused. */
export function isLoginLikely({ userKey: user, lastError, lastLogin = 0 }: Item): boolean {
  return user !== noUser && !(lastError?.code === 'credentials_rejected' && lastError.at > lastLogin);
}

/** Whether a lease ends later than any lease can: a clock was far ahead, or another principal wrote it. */
export function isImpossibleLease(leaseUntil: number, now: number): boolean {
  return leaseUntil > now + leaseMs + 2 * clockToleranceMs;
}

type ClaimBlock = Pick<Item, 'paused' | 'retryAt' | 'retryCode'>;

/** Why no claim is allowed now: a pause or a back-off; undefined if neither stands. */
export function blockOf(item: ClaimBlock, now: number): BrokerError | undefined {
  if (item.paused) {
    return new BrokerError('paused', 'an operator paused this account', { retryAfterMs: lookAtPauseMs });
  }
  return item.retryAt !== undefined && item.retryAt > now ? backoffError(item, item.retryAt - now) : undefined;
}

/** The failure that the next login probes; undefined if the latest login succeeded. */
export function probedFailure(item: ClaimBlock): BrokerError | undefined {
  return item.retryCode === undefined ? undefined : backoffError(item, undefined);
}

function backoffError(item: ClaimBlock, retryAfterMs: number | undefined): BrokerError {
  const code = item.retryCode ?? 'upstream_unavailable';
  return new BrokerError(code, 'a login failed a short while ago', retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Until when the latest successful login forbids another one. Forced renewals are exempt. Epoch milliseconds. */
export function gapEnds(item: Item): number {
  return item.lastLogin === undefined ? 0 : item.lastLogin + loginGapMs(item.lifetimeMs ?? 0);
}

/**
 * Whether a rejected version may be tried again. Only one that had logged in before, or that was refused when its user may
 * have been locked: the password may be right. It is due at `retryRejectedAt`, or at once if that is not set: then the environment that wrote the
 * rejection did not know that the version had worked.
 */
export function mayRetryRejected(
  { lastGood, retryKey, retryRejectedAt = 0 }: Pick<Item, 'lastGood' | 'retryKey' | 'retryRejectedAt'>,
  key: string,
  now: number,
): boolean {
  return (lastGood === key || retryKey === key) && retryRejectedAt <= now;
}
