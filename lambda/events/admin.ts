// Answers operators, who invoke the alias `admin`. Called by router.ts.
import type { Broker } from '../broker/contract.ts';
import type { Item } from '../broker/item.ts';
import { recent, restsUntil } from '../broker/login/doubt.ts';
import type { Amendment } from '../broker/ports.ts';
import { expiresAt, renewableFrom } from '../broker/token.ts';
import { asBrokerError, BrokerError, type ErrorCode, invalidRequest, unknownMember } from '../errors.ts';
import { membersOf } from '../json.ts';
import { forEachAccount } from './each-account.ts';
import { type AccountResult, type EventHandler, type Invocation, type Report, toAccountResult } from './invocation.ts';

/** What operators' commands need. */
export interface AdminDependencies {
  readonly broker: Pick<Broker, 'status' | 'checkSecret' | 'amend' | 'verify'>;
  /** The configured accounts. */
  readonly accounts: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly report: Pick<Report, 'failed' | 'ran'>;
}

/** What an operator may know of an account. Times are ISO 8601. An absent member means never, or none. */
export interface AccountStatus {
  readonly account: string;
  readonly paused: boolean;
  readonly expires_at?: string;
  readonly token_sha256?: string;
  /** The earliest time at which an environment renews the token. */
  readonly next_renewal?: string;
  readonly last_login?: string;
  readonly last_error?: { readonly code: string; readonly at: string };
  /** No environment logs in before this time. Until then, callers without a token get `retry_code`. */
  readonly retry_at?: string;
  readonly retry_code?: string;
  /** Present while a login is under way, and after one that was cut off. */
  readonly lease_until?: string;
  /** Why the broker cannot use the account's secret as it is now, such as `secret_malformed`. */
  readonly secret_error?: ErrorCode;
  /** The part of the item that the broker cannot read. While there is one, no environment logs in. */
  readonly fault?: string;
  /** How many versions of the secret are recorded as refused by Fegora. */
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

const hourMs = 3_600_000;

type Action = 'status' | 'verify' | Amendment;

const actions: ReadonlySet<unknown> = new Set<Action>([
  'status',
  'verify',
  'clear-rejection',
  'purge',
  'revoke',
  'pause',
  'resume',
  'reset',
]);

interface AdminCommand {
  readonly action: Action;
  readonly account: string | undefined;
}

/**
 * Answers operators' commands, `{"action", "account"}`. It never shows a token and never changes a lease that stands.
 *
 * @throws BrokerError `invalid_request` (also for the `reset` of a readable item), `invalid_account`, `unknown_account`, and
 *   what `Broker` throws
 */
export function createAdminHandler({ broker, accounts, now, report }: AdminDependencies): EventHandler {
  return async (event, invocation, remaining) => {
    const { action, account } = parseCommand(event, invocation.account);
    // An account of before a rename may have left an item that its successor cannot read.
    if (account !== undefined && action !== 'reset' && !accounts.includes(account)) {
      throw new BrokerError('unknown_account', 'the account is not configured');
    }
    if (action === 'status') {
      const shown = account === undefined ? accounts : [account];
      return { action, accounts: await forEachAccount(shown, (one) => readStatus(one, invocation, remaining)) };
    }
    if (account === undefined) {
      throw invalidRequest('the action needs the member account', 'account');
    }
    const result =
      action === 'verify'
        ? toAccountResult(account, await broker.verify(account, remaining))
        : await amend(account, action, remaining);
    report.ran(invocation, action, [result]);
    return { action, ...result };
  };

  async function amend(account: string, amendment: Amendment, remaining: () => number): Promise<AccountResult> {
    const dropped = amendment === 'revoke' ? tokenMembers(await broker.status(account, remaining)) : {};
    await broker.amend(account, amendment, remaining);
    return { account, outcome: 'done', ...dropped };
  }

  /** Never throws: an account whose status cannot be read must not hide the others. */
  async function readStatus(account: string, invocation: Invocation, remaining: () => number) {
    try {
      const read = [broker.status(account, remaining), broker.checkSecret(account, remaining)] as const;
      const [item, secretError] = await Promise.all(read);
      return { ...toStatus(account, item, now()), ...(secretError !== undefined && { secret_error: secretError }) };
    } catch (thrown) {
      const error = asBrokerError(thrown);
      report.failed({ ...invocation, account }, error);
      return { account, error: error.code };
    }
  }
}

function toStatus(account: string, item: Item, now: number): AccountStatus {
  const { token, lastError } = item;
  return {
    account,
    paused: item.paused,
    ...tokenMembers(item),
    ...(token !== undefined && { next_renewal: iso(Math.max(renewableFrom(token, 0), item.renewAt ?? 0)) }),
    ...(item.lastLogin !== undefined && { last_login: iso(item.lastLogin) }),
    ...(lastError !== undefined && { last_error: { code: lastError.code, at: iso(lastError.at) } }),
    ...(item.retryAt !== undefined && { retry_at: iso(item.retryAt) }),
    ...(item.retryCode !== undefined && { retry_code: item.retryCode }),
    ...(item.leaseUntil !== 0 && { lease_until: iso(item.leaseUntil) }),
    ...(item.fault !== undefined && { fault: item.fault }),
    marks: item.rejectedCredentials.size,
    ...countMembers(item, now),
    ...(item.retryRejectedAt !== undefined && { next_try: iso(item.retryRejectedAt) }),
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
function tokenMembers({ token }: Item) {
  return token === undefined ? {} : { expires_at: iso(expiresAt(token)), token_sha256: token.fingerprint };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** @param account the event's account if it is well formed, as `describeInvocation` found it */
function parseCommand(event: unknown, account: string | undefined): AdminCommand {
  const { action, account: asked } = commandMembers(event);
  if (!isAction(action)) {
    throw invalidRequest(`action is none of ${[...actions].join(', ')}`, 'action');
  }
  if (!isOptionalString(asked)) {
    throw invalidRequest('account is not a string', 'account');
  }
  if (asked !== undefined && account === undefined) {
    throw new BrokerError('invalid_account', 'the account is malformed');
  }
  return { action, account };
}

function commandMembers(event: unknown): { readonly action?: unknown; readonly account?: unknown } {
  const members = membersOf(event);
  if (members === undefined) {
    throw invalidRequest('the event is not an object');
  }
  const unknown = [...members.keys()].find((name) => name !== 'action' && name !== 'account');
  if (unknown !== undefined) {
    throw unknownMember('event', unknown);
  }
  return { action: members.get('action'), account: members.get('account') };
}

function isAction(value: unknown): value is Action {
  return actions.has(value);
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
