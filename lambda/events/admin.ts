// Answers operators, who invoke the alias `admin`. Called by router.ts.
import type { Broker } from '../broker/contract.ts';
import type { Amendment } from '../broker/ports.ts';
import { asBrokerError, BrokerError, invalidRequest, unknownMember } from '../errors.ts';
import { membersOf } from '../json.ts';
import { tokenMembers, toStatus } from './account-status.ts';
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
