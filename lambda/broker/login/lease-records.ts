// What a leased login writes into the item: the claim, the failure, the rejection. Pure; called by leased-login.ts.
import { randomUUID } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import { clockToleranceMs } from '../clock.ts';
import { hasExpiredToken, type Item, leaseMs, type Rejection, type Use } from '../item.ts';
import type { Backoff, Claim, Credentials, Failure, Unreachable } from '../ports.ts';
import { backoffMs, cappedRetryAfterMs, classOf, isAccountBroken } from './backoff.ts';
import { keyTag, mayBeLocked, recent, sendableAt } from './doubt.ts';
import { patientDeadlineMs } from './login-guard.ts';
import type { FailedLogin } from './login-outcome.ts';

/** The credentials to log in with. */
export interface SelectedCredentials {
  readonly credentials: Credentials;
  /** `credentialKey` of the credentials. */
  readonly key: string;
  /** Whether Fegora refused them before. They get one more try, because they may be right all the same. */
  readonly isRetry: boolean;
}

/** One login that the protocol allows. */
export interface LoginOrder extends SelectedCredentials {
  readonly item: Item;
  /** Goes out in place of the password: taken from the item by the claim, so that no other login can send it too. */
  readonly refreshToken?: string;
  /** Names the caller whose report forces this login; absent if none does. */
  readonly forcedBy?: string;
  /** `userKey` of the user, if the account was not bound to it before. */
  readonly newUser?: string;
  /** How the item notes the new token; absent if it notes nothing. */
  readonly use?: Use;
  /** Whether the caller can be served whatever becomes of this login. If it fails, the next one can wait. */
  readonly isBackground: boolean;
  /** How long claim and login together may take. Milliseconds. */
  readonly deadlineMs: number;
  /** How long they may take while the lease is made to last longer. Milliseconds. @default `deadlineMs` */
  readonly patientMs?: number;
  /** How long the login may take from its first byte on. Milliseconds. @default the deadline only */
  readonly cutAfterSendMs?: number;
}

/** How many logins are remembered: as many as a budget may allow in a day. Tokens that live for seconds need more. */
const mostLogins = 250;
/** How long Fegora may work on a login that was cut while its caller had a token. Milliseconds. */
const workedOnMs = 28_000;
/** How long after a failed renewal ahead of need the next one comes. Milliseconds. */
export const renewAgainMs = 60_000;
/** When rejected credentials that may be right are tried again. Milliseconds. */
const firstRetryMs = 30 * 60_000;
const lateTryMs = 60 * 60_000;
const nextRetryMs = 6 * 3_600_000;

/**
 * The claim that buys this login. It counts the send and the login before anything is sent, so that a holder that dies, or
 * whose answer is lost, has counted them. The owner's id comes from the operating system each time: a cache of random bytes
 * could be shared by environments that were cloned from one snapshot.
 */
export function claimOf(order: LoginOrder, now: number): Claim {
  const { item, key, isRetry, forcedBy = '', newUser, refreshToken } = order;
  // A refresh token says nothing of the password, and is no send of it.
  const sends = refreshToken === undefined ? sendsWith({ item, key }, now) : recent(item.sends, now);
  return {
    owner: randomUUID({ disableEntropyCache: true }),
    now,
    leaseUntil: now + leaseMs,
    dropToken: hasExpiredToken(item, now),
    sends,
    logins: [...recent(item.logins, now).slice(-mostLogins), { at: now, tag: forcedBy }],
    ...(isRetry && { retryRejectedAt: Math.max(now + nextRetryMs, sendableAt(sends, key, now)) }),
    ...(newUser !== undefined && { newUser }),
    ...refreshClaim(order),
  };
}

/** A login with the password keeps the refresh token that may be used: it is good for as long as no token is issued. */
function refreshClaim({ item, refreshToken }: LoginOrder): Pick<Claim, 'refresh'> {
  if (refreshToken !== undefined) {
    return { refresh: 'take' };
  }
  return item.refresh !== undefined && item.refreshToken === undefined ? { refresh: 'drop' } : {};
}

/** The sends that count, with one of these credentials. */
function sendsWith({ item, key }: Pick<LoginOrder, 'item' | 'key'>, now: number): Claim['sends'] {
  return [...recent(item.sends, now), { at: now, tag: keyTag(key) }];
}

/** The sends that still count after a login with these credentials succeeded. */
export function sendsAfterSuccess({ item, key, refreshToken }: LoginOrder, now: number) {
  const isOfPassword = refreshToken === undefined;
  return recent(item.sends, now).filter(({ tag }) => !isOfPassword || tag !== keyTag(key));
}

/**
 * The rejection of these credentials. They get another try if they may be right: after 30 minutes if they had worked, after
 * 60 if their predecessor had, or if the user may have been locked by other passwords when they were refused. The claim of
 * a retry has set the time of the next one.
 */
export function rejectionOf({ item, key, isRetry }: LoginOrder, { sends, now }: Claim, at: number): Rejection {
  if (isRetry) {
    return { kind: 'reject', key };
  }
  const hasWorked = item.lastGood === key;
  const mayBeRight = hasWorked || item.lastGood !== undefined || mayBeLocked(sends, key, now);
  const retryRejectedAt = Math.max(at + (hasWorked ? firstRetryMs : lateTryMs), sendableAt(sends, key, now));
  return { kind: 'reject', key, ...(mayBeRight && { retryRejectedAt }) };
}

/** Whether these credentials count as refused after this failure: three sends in doubt are one refusal. */
export function isRejection({ key, refreshToken }: LoginOrder, { sends, now }: Claim, failed: FailedLogin): boolean {
  if (refreshToken !== undefined) {
    return false;
  }
  const failureClass = classOf(failed);
  return failureClass === 'refused' || (failureClass === 'doubt' && sendableAt(sends, key, now) > now);
}

/**
 * The claim, with the sends that are known by now. If this login puts the password in doubt, the logins before it that got
 * no answer may have met the same answer, which was not heard.
 */
export function withUnheardSends({ item, key, refreshToken }: LoginOrder, claim: Claim): Claim {
  const length = refreshToken === undefined ? (item.failures.unknown ?? 0) : 0;
  const sends = Array.from({ length }, () => ({ at: claim.now, tag: keyTag(key) }));
  return { ...claim, sends: [...claim.sends, ...sends] };
}

/**
 * The end of the claim after credentials or a refresh token were refused at once. Another version of the secret, or the
 * password, may be sent at once, unless Fegora asked for time. A refused password ends the back-off of the failure before it.
 */
export function refusalOf(
  { item, refreshToken }: LoginOrder,
  { owner, sends }: Claim,
  { failed, at, isSlow }: Pick<FailureAt, 'failed'> & EndedAt,
): Failure {
  const { answer, retryAfterMs } = failed;
  const isOfPassword = refreshToken === undefined;
  const code = isOfPassword ? 'credentials_rejected' : 'upstream_throttled';
  const failures = isOfPassword ? { refused: 1 } : item.failures;
  const wait = retryAfterMs !== undefined && {
    backoff: { retryAt: at + cappedRetryAfterMs(retryAfterMs), code, answer, failures } as const,
  };
  const error = isOfPassword && { error: { code, at } as const };
  return { kind: 'fail', owner, endLease: true, ...error, sends, logins: item.logins, isSlow, ...wait };
}

/** When a login ended (epoch milliseconds), and whether Fegora took longer than a login usually waits. */
export interface EndedAt {
  readonly at: number;
  readonly isSlow: boolean;
}

/** A failed login as it is stored, and whether it means that the account itself may be broken. */
export function failureOf(
  order: LoginOrder,
  { owner, now, leaseUntil, sends }: Claim,
  { failed, at, random, isSlow }: FailureAt & EndedAt,
) {
  const { item, isBackground } = order;
  const isUnknown = failed.reached === 'unknown';
  // A password that may have been refused unheard is counted by the silent logins: this one was none.
  const isUncounted = isUnknown && order.refreshToken !== undefined;
  const { backoff, isBroken } = backoffOf(item, { failed, at, random, isUncounted });
  const wasCut = isUnknown && order.cutAfterSendMs !== undefined;
  const silentUntil = Math.max(backoff.retryAt, leaseUntil + clockToleranceMs, wasCut ? now + workedOnMs : 0);
  const retryAt = isUnknown ? silentUntil : backoff.retryAt;
  const failure: Failure = {
    kind: 'fail',
    owner,
    endLease: !isUnknown,
    error: { code: failed.error.code, at },
    backoff: { ...backoff, retryAt },
    ...(isBackground && { renewAt: at + renewAgainMs }),
    ...slowness(order, failed, isSlow),
    ...logsAfter(order, failed, { sends, now }),
  };
  return { failure, retryAt, isBroken };
}

/**
 * Whether the next login listens long: after an answer, if that was late. A login that was cut may have been on its way;
 * one that listened in vain says that no answer comes.
 */
function slowness({ cutAfterSendMs, patientMs }: LoginOrder, failed: FailedLogin, isSlow: boolean) {
  if (failed.reached !== 'unknown') {
    return { isSlow };
  }
  const wasCut = cutAfterSendMs !== undefined;
  return wasCut || patientMs !== undefined ? { isSlow: wasCut } : {};
}

/** The back-off after no connection could be made. Nothing was claimed, so nothing has to be taken back. */
export function unreachableOf(item: Item, failure: FailureAt, isBackground: boolean): Unreachable {
  const { failed, at } = failure;
  const error = { code: failed.error.code, at };
  const ahead = isBackground && { renewAt: at + renewAgainMs };
  return { kind: 'unreachable', revision: item.revision, error, backoff: backoffOf(item, failure).backoff, ...ahead };
}

/** A failed login, when it ended (epoch milliseconds), and a number from 0 to 1. */
interface FailureAt {
  readonly failed: FailedLogin;
  readonly at: number;
  readonly random: number;
  /** Whether the failure is left out of the counts. @default false */
  readonly isUncounted?: boolean;
}

/** The shared back-off after a failure. */
function backoffOf(
  item: Item,
  { failed, at, random, isUncounted }: FailureAt,
): { readonly backoff: Backoff; readonly isBroken: boolean } {
  const failureClass = classOf(failed);
  const inRow = (item.failures[failureClass] ?? 0) + 1;
  // Where nothing was sent, nothing was learnt of what Fegora does with a login.
  const isKept = failureClass === 'unsent' || isUncounted === true;
  const failures = isKept ? item.failures : { ...item.failures, [failureClass]: inRow };
  const retryAt = at + backoffMs(failed, inRow, random);
  const { answer, error } = failed;
  return {
    backoff: { retryAt, code: error.code, answer, failures },
    isBroken: isAccountBroken(answer, inRow) && item.failedAnswer === answer,
  };
}

/** What of the claim's logs stays: a send in doubt; a login that Fegora may have granted. */
function logsAfter(
  order: LoginOrder,
  failed: FailedLogin,
  { sends, now }: Pick<Claim, 'sends' | 'now'>,
): Omit<Failure, 'kind' | 'owner' | 'endLease'> {
  switch (classOf(failed)) {
    case 'unsent':
      return withdrawn(order);
    case 'unknown':
      return { sends: isCutShort(order) ? sendsWith(order, now) : order.item.sends };
    case 'doubt':
    case 'refused':
      return { sends, logins: order.item.logins };
    default:
      return { sends: order.item.sends, logins: order.item.logins };
  }
}

/**
 * Whether a refusal could have been missed only because the invocation ended: such a send counts, unless its credentials
 * logged in last. Otherwise calls with little time left could send a wrong password again and again.
 */
function isCutShort({ item, key, refreshToken, patientMs = patientDeadlineMs }: LoginOrder): boolean {
  return patientMs < patientDeadlineMs && item.lastGood !== key && refreshToken === undefined;
}

/** The end of a claim that sent nothing. */
export function withdrawalOf(order: LoginOrder, { owner }: Claim): Failure {
  return { kind: 'fail', owner, endLease: true, ...withdrawn(order) };
}

/** A claim that sent nothing must not count, nor use up the refresh token or the rare retry of a rejected version. */
function withdrawn({ item, isRetry, refreshToken }: LoginOrder): Omit<Failure, 'kind' | 'owner' | 'endLease'> {
  const { sends, logins, retryRejectedAt = 0, generation } = item;
  const refresh = refreshToken !== undefined && { refresh: { token: refreshToken, generation } };
  return { sends, logins, ...(isRetry && { retryRejectedAt }), ...refresh };
}

/** The error for the caller: it says when the next login may be, as every other caller is told until then. */
export function errorUntil({ code, message, cause }: BrokerError, retryAfterMs: number): BrokerError {
  return new BrokerError(code, message, { cause, retryAfterMs });
}
