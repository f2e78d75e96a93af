import type { Broker } from '../broker/broker.ts';
import type { Item } from '../broker/item.ts';
import type { Amendment } from '../broker/ports.ts';
import { expiresAt, renewableFrom } from '../broker/token.ts';
import { accountIdPattern } from '../config.ts';
import { asBrokerError, BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';
import { forEachAccount } from './each-account.ts';
import type { Call, Report, Serve } from './invocation.ts';
import { toResult } from './warmup.ts';

/** What operators act with. */
export interface AdminParts {
  readonly broker: Pick<Broker, 'status' | 'amend' | 'verify'>;
  readonly accounts: readonly string[];
  readonly report: Pick<Report, 'failed' | 'ran'>;
}

/** What an operator may know of an account. Times are ISO 8601; absent: never, or none. */
export interface AccountStatus {
  readonly account: string;
  readonly paused: boolean;
  readonly expires_at?: string;
  readonly token_sha256?: string;
  /** Earliest time at which an environment renews the token. */
  readonly next_renewal?: string;
  readonly last_login?: string;
  readonly last_error?: { readonly code: string; readonly at: string };
  /** No login before this time, and what callers without a token are answered until then. */
  readonly retry_at?: string;
  readonly retry_code?: string;
  /** While a login is under way, or was cut off. */
  readonly lease_until?: string;
  /** What cannot be understood of the item: nobody logs in. */
  readonly fault?: string;
  /** How many versions of the secret are marked as refused. */
  readonly marks: number;
  /** When a marked version that once logged in may be tried again. */
  readonly next_try?: string;
}

type Action = 'status' | 'verify' | Amendment;

const actions: ReadonlySet<unknown> = new Set<Action>([
  'status',
  'verify',
  'clear-rejection',
  'purge',
  'pause',
  'resume',
]);

interface Order {
  readonly action: Action;
  readonly account: string | undefined;
}

/** Answers operators: `{"action", "account"}`. Never shows a token and never touches a lease. */
export function createAdmin({ broker, accounts, report }: AdminParts): Serve {
  return async (event, call, remaining) => {
    const { action, account } = parseOrder(event, accounts);
    if (action === 'status') {
      const shown = account === undefined ? accounts : [account];
      return { action, accounts: await forEachAccount(shown, (one) => statusOf(one, call, remaining)) };
    }
    if (account === undefined) {
      throw new BrokerError('invalid_request', 'the action needs an account');
    }
    const result =
      action === 'verify' ? toResult(account, await broker.verify(account, remaining)) : await amend(account, action);
    report.ran(call, action, [result]);
    return { action, ...result };

    async function amend(amended: string, amendment: Amendment) {
      await broker.amend(amended, amendment, remaining);
      return { account: amended, outcome: 'done' } as const;
    }
  };

  /** One account that cannot be read must not hide the others. */
  async function statusOf(account: string, call: Call, remaining: () => number) {
    try {
      return toStatus(account, await broker.status(account, remaining));
    } catch (thrown) {
      const error = asBrokerError(thrown);
      report.failed({ ...call, account }, error);
      return { account, error: error.code };
    }
  }
}

function toStatus(account: string, item: Item): AccountStatus {
  const { token, lastError } = item;
  return {
    account,
    paused: item.paused,
    ...(token !== undefined && {
      expires_at: iso(expiresAt(token)),
      token_sha256: token.fingerprint,
      next_renewal: iso(Math.max(renewableFrom(token, 0), item.renewAt ?? 0)),
    }),
    ...(item.lastLogin !== undefined && { last_login: iso(item.lastLogin) }),
    ...(lastError !== undefined && { last_error: { code: lastError.code, at: iso(lastError.at) } }),
    ...(item.retryAt !== undefined && { retry_at: iso(item.retryAt) }),
    ...(item.retryCode !== undefined && { retry_code: item.retryCode }),
    ...(item.leaseUntil !== 0 && { lease_until: iso(item.leaseUntil) }),
    ...(item.fault !== undefined && { fault: item.fault }),
    marks: item.marks.size,
    ...(item.nextTry !== undefined && { next_try: iso(item.nextTry) }),
  };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function parseOrder(event: unknown, accounts: readonly string[]): Order {
  const members = membersOf(event);
  const action = members?.get('action');
  const account = members?.get('account');
  if (!isAction(action) || members?.size !== (account === undefined ? 1 : 2) || !isOptionalString(account)) {
    throw new BrokerError('invalid_request', 'the event is no action on an account');
  }
  if (account !== undefined && !accounts.includes(account)) {
    const code = accountIdPattern.test(account) ? 'unknown_account' : 'invalid_account';
    throw new BrokerError(code, 'the account is not configured');
  }
  return { action, account };
}

function isAction(value: unknown): value is Action {
  return actions.has(value);
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
