// What the unit tests of a login have in common: an item, an order and a failed login. Used by test/unit/lambda/broker/login/.
import { emptyItem } from '../../../lambda/aws/item-record.ts';
import type { Item } from '../../../lambda/broker/item.ts';
import type { LoginOrder } from '../../../lambda/broker/login/lease-records.ts';
import type { FailedLogin } from '../../../lambda/broker/login/login-outcome.ts';
import type { Credentials } from '../../../lambda/broker/ports.ts';
import { fingerprint, type Token } from '../../../lambda/broker/token.ts';
import { BrokerError, type ErrorCode } from '../../../lambda/errors.ts';

/** Where the virtual clocks begin. Epoch milliseconds. */
export const noon = Date.UTC(2026, 0, 15, 12);

export const credentials: Credentials = { username: '25365421', password: 'p', clientId: 'apiApp', versionId: 'v1' };

/** The key of the credentials of an order, and the key of others. The first 8 digits are their tags. */
export const ownKey = 'aaaaaaaa'.repeat(8);
export const otherKey = 'bbbbbbbb'.repeat(8);

/** The item of the account `main`, empty except for these parts. */
export function itemWith(parts: Partial<Item> = {}): Item {
  return { ...emptyItem('main'), ...parts };
}

/** The order for one login in the foreground, except for these parts. */
export function orderWith(parts: Partial<LoginOrder> = {}): LoginOrder {
  const plain = { credentials, key: ownKey, isRetry: false, isBackground: false, deadlineMs: 8000 };
  return { ...plain, item: itemWith(), ...parts };
}

/** A login that Fegora answered with a failure of this code, except for these parts. */
export function failedLogin(code: ErrorCode, parts: Partial<FailedLogin> = {}): FailedLogin {
  return { kind: 'failed', error: new BrokerError(code, 'detail'), reached: 'answered', answer: code, ...parts };
}

/** A token that was issued at `issuedAt` (epoch milliseconds) for an hour, except for these parts. */
export function tokenWith(issuedAt: number, parts: Partial<Token> = {}): Token {
  const accessToken = 'stored-token';
  const lifetimeMs = 3_600_000;
  return { accessToken, fingerprint: fingerprint(accessToken), issuedAt, lifetimeMs, versionId: 'v1', ...parts };
}
