// What operators see of an account: its status, made from its item. Called by admin.ts; admin.test.ts tests it.
import { hourMs } from '../broker/clock.ts';
import { type Item, stealableAt } from '../broker/item.ts';
import { recent, restsUntil } from '../broker/login/doubt.ts';
import { expiresAt, renewableFrom } from '../broker/token.ts';
import type { ErrorCode } from '../errors.ts';

/**
 * What an operator may know of an account. Times are ISO 8601. An absent member means never, or none: a waiting time that is
 * over and an error that a login has followed are not shown.
 */
export interface AccountStatus {
  readonly account: string;
  /** Present if the account is not listed in the settings. */
  readonly open?: true;
  readonly paused: boolean;
  readonly expires_at?: string;
  readonly token_sha256?: string;
  /** Present while a refresh token is stored. */
  readonly refresh_token?: 'held';
  /** The earliest time at which an environment renews the token. */
  readonly next_renewal?: string;
  readonly last_login?: string;
  /** Why the latest login failed, if none has succeeded since. */
  readonly last_error?: { readonly code: string; readonly at: string };
  /** No environment logs in before this time. Until then, callers without a token get `retry_code`. */
  readonly retry_at?: string;
  readonly retry_code?: string;
  /** Present while a login is under way, or may still be after one that was cut off. */
  readonly lease_until?: string;
  /** Why the broker cannot use the account's secret as it is now, such as `secret_malformed`. */
  readonly secret_error?: ErrorCode;
  /** The part of the item that the broker cannot read. While there is one, no environment logs in. */
  readonly fault?: string;
  /** How many versions of the secret are recorded as refused by Fegora. Earlier versions count too, and stay after a success. */
  readonly marks: number;
  /** How many sends within an hour brought no token, and may have been refused. Three, and the user rests. */
  readonly refused_sends: number;
  /** Until then the broker sends no password of this user, because too many were refused. */
  readonly rests_until?: string;
  /** How many logins the user has had, of its login budget. */
  readonly logins_last_hour: number;
  readonly logins_last_day: number;
  /** When a refused version that logged in before may be tried again. */
  readonly next_try?: string;
}

/** @param now epoch milliseconds */
export function toStatus(account: string, item: Item, now: number): AccountStatus {
  const { token } = item;
  return {
    account,
    paused: item.paused,
    ...tokenMembers(item),
    ...(item.refresh === 'held' && { refresh_token: item.refresh }),
    ...(token !== undefined && { next_renewal: iso(Math.max(renewableFrom(token, 0), item.renewAt ?? 0)) }),
    ...(item.lastLogin !== undefined && { last_login: iso(item.lastLogin) }),
    ...troubleMembers(item, now),
    ...(item.fault !== undefined && { fault: item.fault }),
    marks: item.rejectedCredentials.size,
    ...countMembers(item, now),
    ...(item.retryRejectedAt !== undefined && { next_try: iso(item.retryRejectedAt) }),
  };
}

/** What keeps the account from logging in, or did so last. */
function troubleMembers(item: Item, now: number) {
  const { lastError, lastLogin = 0, retryAt = 0, retryCode } = item;
  const isHeld = retryAt > now;
  return {
    // An earlier version of the function leaves the error in the item when it logs in.
    ...(lastError !== undefined &&
      lastError.at > lastLogin && { last_error: { code: lastError.code, at: iso(lastError.at) } }),
    ...(isHeld && { retry_at: iso(retryAt) }),
    ...(isHeld && retryCode !== undefined && { retry_code: retryCode }),
    ...(stealableAt(item) >= now && { lease_until: iso(item.leaseUntil) }),
  };
}

function countMembers({ sends, logins }: Item, now: number) {
  const rest = restsUntil(sends, now);
  return {
    refused_sends: countSince(sends, now - hourMs),
    ...(rest > now && { rests_until: iso(rest) }),
    logins_last_hour: countSince(logins, now - hourMs),
    logins_last_day: recent(logins, now).length,
  };
}

function countSince(log: Item['sends'], since: number): number {
  return log.filter(({ at }) => at > since).length;
}

/** What an operator may know of the stored token. */
export function tokenMembers({ token }: Item) {
  return token === undefined ? {} : { expires_at: iso(expiresAt(token)), token_sha256: token.fingerprint };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
