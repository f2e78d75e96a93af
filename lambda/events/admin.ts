// Answers operators, who invoke the alias `admin`. Called by router.ts.
import type { SecretIds } from '../account-secrets.ts';
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
  /** The listed accounts. */
  readonly accounts: readonly string[];
  /** The listed accounts and the open ones. @default - only the listed ones */
  readonly secrets?: Pick<SecretIds, 'has'>;
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
  /** The accounts of a `status` that is of some only. */
  readonly accounts: readonly string[] | undefined;
}

/** How many accounts one `status` may name. Each costs a read of its item, and perhaps of its secret. */
const longestPage = 100;

/**
 * Answers operators' commands, `{"action", "account"}`, and `{"action": "status", "accounts"}`: the broker does not know which open
 * accounts there are. It never shows a token and never changes a lease that stands.
 *
 * @throws BrokerError `invalid_request` (also for the `reset` of a readable item), `invalid_account`, `unknown_account`, and
 *   what `Broker` throws
 */
export function createAdminHandler({ broker, accounts, secrets, now, report }: AdminDependencies): EventHandler {
  return async (event, invocation, remaining) => {
    const { action, account, accounts: page } = parseCommand(event, invocation.account);
    // An account of before a rename may have left an item that its successor cannot read.
    const isUnknown = account !== undefined && action !== 'reset' && !(await isKnown(account, action, remaining));
    if (isUnknown || page?.some((one) => !isPossible(one))) {
      throw new BrokerError('unknown_account', 'the account is not configured');
    }
    if (action === 'status') {
      const shown = page ?? [account ?? accounts].flat();
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

  /** Whether an account of this id is listed, or may be open. */
  function isPossible(id: string): boolean {
    return secrets?.has(id) ?? accounts.includes(id);
  }

  /**
   * An open account has a secret or, if it was removed, an item: otherwise a mistyped id would be paused, and not its account. One that was
   * removed stays paused: otherwise its callers would seem to meet a lost secret.
   */
  async function isKnown(account: string, action: Action, remaining: () => number): Promise<boolean> {
    if (accounts.includes(account) || !isPossible(account)) {
      return accounts.includes(account);
    }
    // First the secret: this environment forgets what it has cached of one that is gone.
    const hasSecret = (await broker.checkSecret(account, remaining, true)) !== 'unknown_account';
    return hasSecret || (action !== 'resume' && (await broker.status(account, remaining)).revision > 0);
  }

  async function amend(account: string, amendment: Amendment, remaining: () => number): Promise<AccountResult> {
    const dropped = amendment === 'revoke' ? tokenMembers(await broker.status(account, remaining)) : {};
    await broker.amend(account, amendment, remaining);
    return { account, outcome: 'done', ...dropped };
  }

  /** Never throws: an account whose status cannot be read must not hide the others. */
  async function readStatus(account: string, invocation: Invocation, remaining: () => number) {
    try {
      const read = [broker.status(account, remaining), broker.checkSecret(account, remaining)] as const;
      const [item, remembered] = await Promise.all(read);
      // What was unknown a moment ago may exist by now, without a value.
      const secretError =
        remembered === 'unknown_account' ? await broker.checkSecret(account, remaining, true) : remembered;
      // An open account is shown only if there is a secret or an item of it: its secret is gone, or has lost its tag.
      const fault = secretError === 'unknown_account' ? 'secret_missing' : secretError;
      const open = !accounts.includes(account) && { open: true };
      return { ...toStatus(account, item, now()), ...open, ...(fault !== undefined && { secret_error: fault }) };
    } catch (thrown) {
      const error = asBrokerError(thrown);
      report.failed({ ...invocation, account }, error);
      return { account, error: error.code };
    }
  }
}

/** @param account the event's account if it is well formed, as `describeInvocation` found it */
function parseCommand(event: unknown, account: string | undefined): AdminCommand {
  const { action, account: asked, accounts } = commandMembers(event);
  if (!isAction(action)) {
    throw invalidRequest(`action is none of ${[...actions].join(', ')}`, 'action');
  }
  if (accounts !== undefined && !(action === 'status' && asked === undefined && isPage(accounts))) {
    throw invalidRequest(`accounts is not a list of up to ${longestPage} ids for the action status`, 'accounts');
  }
  if (!isOptionalString(asked)) {
    throw invalidRequest('account is not a string', 'account');
  }
  if (asked !== undefined && account === undefined) {
    throw new BrokerError('invalid_account', 'the account is malformed');
  }
  return { action, account, accounts };
}

function isPage(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= longestPage && value.every((id) => typeof id === 'string');
}

const memberNames: ReadonlySet<string> = new Set(['action', 'account', 'accounts']);

function commandMembers(event: unknown) {
  const members = membersOf(event);
  if (members === undefined) {
    throw invalidRequest('the event is not an object');
  }
  const unknown = [...members.keys()].find((name) => !memberNames.has(name));
  if (unknown !== undefined) {
    throw unknownMember('event', unknown);
  }
  return { action: members.get('action'), account: members.get('account'), accounts: members.get('accounts') };
}

function isAction(value: unknown): value is Action {
  return actions.has(value);
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
