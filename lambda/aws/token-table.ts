// The shared table over DynamoDB: the TokenTable port. Put together by ../handler.ts.
import type { Item } from '../broker/item.ts';
import type { Change, Observe, TokenTable, UserOwner } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import { type CallDynamo, isThrottled } from './call-dynamo.ts';
import { withoutIdle } from './due/use-terms.ts';
import { createItemCalls, type ItemCalls, isRefusal, refusedRecord, unanswered } from './item-calls.ts';
import { parseOwner, parseRecord } from './item-record.ts';
import type { ResetUpdate } from './item-reset.ts';
import { bindUserUpdate, changeUpdate, claimUpdate } from './item-update.ts';
import { withoutRefresh } from './refresh-seal.ts';
import type { TokenBinding } from './token-binding.ts';

/**
 * The shared table: one item per account and one per Fegora user. Every claim is one conditional write, and every later
 * write of its holder is conditioned on the owner.
 *
 * @param bindings what the token of each account is bound to; by default, stored tokens are not held to any
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
 */
export function createTokenTable(
  call: CallDynamo,
  tableName: string,
  observe: Observe,
  bindings: TableBindings = { of: () => undefined },
): TokenTable {
  const bindingOf = bindings.of;
  const calls = createItemCalls(call, tableName);
  const read = createRead(calls, observe, bindings);
  /** The item that did not meet a condition, or that a write without an answer left behind. */
  const itemAfter: ItemAfter = async (thrown, account, signal) => {
    const record = refusedRecord(thrown);
    return record === undefined
      ? (await read(account, signal)).item
      : parseRecord(account, record, bindingOf(account)).item;
  };
  return {
    read,
    claim: createClaim(calls, itemAfter),
    write: createWrite(calls, itemAfter, bindingOf),
    bindUser: createBindUser(calls),
  };
}

/** What the tokens of accounts are bound to. */
export interface TableBindings {
  /** As far as it is known without the secret. Undefined: anything. */
  readonly of: BindingOf;
  /** Reads the secret, and tells whether `of` knows more now. Never rejects. @default nothing more can be known */
  readonly learn?: (account: string, signal: AbortSignal) => Promise<boolean>;
}

type BindingOf = (account: string) => TokenBinding | undefined;
type ItemAfter = (thrown: unknown, account: string, signal: AbortSignal) => Promise<Item>;

function createRead(
  { get }: ItemCalls,
  observe: Observe,
  { of: bindingOf, learn = async () => false }: TableBindings,
): TokenTable['read'] {
  return async (account, signal) => {
    const { record, ...times } = await get(account, signal);
    const parsed = parseRecord(account, record, bindingOf(account));
    // Without this, a token of the same secret, written while the settings had its ARN, would cost a login.
    const isLearned = parsed.isUnbound && (await learn(account, signal));
    const { item, isTokenMalformed } = isLearned ? parseRecord(account, record, bindingOf(account)) : parsed;
    if (item.fault !== undefined) {
      observe({ kind: 'item_malformed', account });
    } else if (isTokenMalformed) {
      observe({ kind: 'token_malformed', account });
    }
    return { item, ...times };
  };
}

/**
 * A claim that was refused, or not answered, may still be ours: an earlier try of it may have been applied. Where
 * nothing was applied, and no other environment wrote, the table does not take writes. A throttled claim is lost: very
 * many environments claim, and to read what became of it costs the table less than to claim again.
 */
function createClaim({ updateOnce }: ItemCalls, itemAfter: ItemAfter): TokenTable['claim'] {
  return async (item, taken, signal) => {
    try {
      await updateOnce(item.account, claimUpdate(item, taken), signal);
      return true;
    } catch (thrown) {
      if (isThrottled(thrown)) {
        return undefined;
      }
      const now = await itemAfter(thrown, item.account, signal);
      if (now.revision === item.revision && !isRefusal(thrown)) {
        throw thrown;
      }
      return now.owner === taken.owner;
    }
  };
}

function createWrite(
  { get, update, updateOnce }: ItemCalls,
  itemAfter: ItemAfter,
  bindingOf: BindingOf,
): TokenTable['write'] {
  return write;

  async function write(...[account, change, signal]: Parameters<TokenTable['write']>): Promise<boolean> {
    const made =
      change.kind === 'reset' ? await resetOf(account, signal) : changeUpdate(account, change, bindingOf(account));
    try {
      await (unwaited.has(change.kind) ? updateOnce : update)(account, made, signal);
      return true;
    } catch (thrown) {
      return await isWritten(thrown, account, change, signal);
    }
  }

  /** Whether a change was made although its write threw this. @throws BrokerError if that is not known */
  async function isWritten(thrown: unknown, account: string, change: Change, signal: AbortSignal): Promise<boolean> {
    if (isThrottled(thrown)) {
      throw unanswered(thrown);
    }
    const item = await itemAfter(thrown, account, signal);
    if (isDone(item, change)) {
      return true;
    }
    if (!isRefusal(thrown)) {
      throw thrown;
    }
    const allowed = withoutIdle(change, item) ?? withoutRefresh(change, item.owner);
    return allowed !== undefined && (await write(account, allowed, signal));
  }

  /** Reads the item as it is stored, because the parsed item lacks what is unreadable. */
  async function resetOf(account: string, signal: AbortSignal): Promise<ResetUpdate> {
    const [{ record, at }, { resetUpdate }] = await Promise.all([get(account, signal), import('./item-reset.ts')]);
    return resetUpdate(account, record, at);
  }
}

/**
 * Changes that do not wait when they are throttled. The holder of a lease repeats `publish`, `fail` and `reject` itself, and
 * sooner, because all others wait for its result. A call must not wait to write the `reject` of an earlier call, nor `unreachable`. A `note` is for later.
 */
const unwaited: ReadonlySet<Change['kind']> = new Set(['publish', 'fail', 'reject', 'unreachable', 'note']);

/** A binding that is throttled is not made again: the account may have a token by now. */
function createBindUser({ get, updateOnce }: ItemCalls): TokenTable['bindUser'] {
  return async (userKey, binding, signal) => {
    const key = `user#${userKey}`;
    try {
      await updateOnce(key, bindUserUpdate(binding), signal);
      return binding;
    } catch (thrown) {
      return isThrottled(thrown) ? undefined : await ownerAfter(thrown, key, signal);
    }
  };

  async function ownerAfter(thrown: unknown, key: string, signal: AbortSignal): Promise<UserOwner> {
    const owner = parseOwner(refusedRecord(thrown) ?? (await get(key, signal)).record);
    if (owner === undefined) {
      throw isRefusal(thrown)
        ? new BrokerError('table_unavailable', "the item of the user can't be understood")
        : thrown;
    }
    return owner;
  }
}

/** Whether the item shows that a change whose answer was lost, or whose second try was refused, had been made. */
function isDone(item: Item, change: Change): boolean {
  switch (change.kind) {
    case 'publish':
      return (
        item.owner === change.owner && item.leaseUntil === 0 && item.token?.fingerprint === change.token.fingerprint
      );
    case 'fail':
      return item.owner === change.owner && isFailureNoted(item, change);
    case 'reject':
      return item.rejectedCredentials.has(change.key);
    case 'reset':
      return item.fault === undefined && item.leaseUntil === 0;
    case 'extend':
      return item.owner === change.owner && item.leaseUntil === change.leaseUntil;
    default:
      return false;
  }
}

function isFailureNoted(item: Item, { endLease, error, backoff }: Extract<Change, { kind: 'fail' }>): boolean {
  const isLeaseDone = !endLease || item.leaseUntil === 0;
  return isLeaseDone && item.lastError?.at === error?.at && item.retryAt === backoff?.retryAt;
}
