// Builds the UpdateItem that makes an unreadable item usable again. Called by token-table.ts.
import { clockToleranceMs } from '../broker/clock.ts';
import { isImpossibleLease, stealableAt } from '../broker/item.ts';
import { BrokerError, type ErrorCode, invalidRequest } from '../errors.ts';
import { parseRecord, schemaVersion } from './item-record.ts';
import { number } from './update-expressions.ts';

/** The expressions of the UpdateItem. A value may be of any type, because the item may hold any. */
export interface ResetUpdate {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, unknown>>;
}

/**
 * How long no environment may claim after the reset. An unreadable item cannot tell whether a login is under way, so the
 * longest possible lease must end first. Milliseconds.
 */
const loginMayLastMs = 30_000;
const retryCode: ErrorCode = 'renewal_in_progress';

/** Stay if they have this type: they protect the Fegora user, or are the wish of an operator. */
const keptTypes: Readonly<Record<string, string>> = {
  marks: 'SS',
  paused: 'BOOL',
  user_key: 'S',
  sends: 'S',
  logins: 'S',
};

/** Every other attribute of the item, except those that the reset sets. */
const dropped = [
  'owner',
  'lease_until',
  'access_token',
  'issued_at',
  'lifetime_ms',
  'version_id',
  'seal',
  'bound_to',
  'refresh_token',
  'refresh_seal',
  'bound_also',
  'failed_answer',
  'failed_class',
  'slow',
  'failures',
  'failed_counts',
  'token_user',
  'retry_key',
  'proven',
  'next_try',
  'renew_at',
  'forced_count',
  'forced_since',
  'last_login',
  'login_ms',
  'last_error_code',
  'last_error_at',
  'due_shard',
  'due_at',
  'unasked',
];

/**
 * The update that resets the item as it was read. It applies only while the item has the revision that was read.
 *
 * @param record the item as it is stored; undefined if there is none
 * @param now the table's time, epoch milliseconds. Our own clock may be the reason why a lease looks impossible
 * @throws BrokerError `invalid_request` if the item is readable, `renewal_in_progress` if a lease stands,
 *   `table_unavailable` without a time
 */
export function resetUpdate(account: string, record: unknown, now: number | undefined): ResetUpdate {
  if (now === undefined) {
    throw new BrokerError('table_unavailable', 'DynamoDB: the answer has no time, which a reset needs');
  }
  const { item } = parseRecord(account, record);
  const { fault, revision, generation, leaseUntil } = item;
  const isBeyondLeases = isImpossibleLease(leaseUntil, now);
  if (fault === undefined && !isBeyondLeases) {
    throw invalidRequest('the item is readable: nothing to reset');
  }
  const standsUntil = isBeyondLeases ? 0 : stealableAt(item);
  if (standsUntil >= now) {
    throw new BrokerError('renewal_in_progress', 'a login may be under way', { retryAfterMs: standsUntil + 1 - now });
  }
  const stored = new Map<string, unknown>(Object.entries(Object(record)));
  return resetExpressions(stored, fault, {
    schema: number(schemaVersion),
    revision: number(Math.max(now, Math.floor(revision) + 1)),
    generation: number(Math.max(now, Math.floor(generation) + 1)),
    retry_at: number(now + loginMayLastMs + clockToleranceMs),
    retry_code: { S: retryCode },
  });
}

function resetExpressions(
  stored: ReadonlyMap<string, unknown>,
  fault: string | undefined,
  set: Readonly<Record<string, unknown>>,
): ResetUpdate {
  const isKept = (name: string, type: string) => name !== fault && Object.hasOwn(Object(stored.get(name)), type);
  const unkept = Object.entries(keptTypes).filter(([name, type]) => stored.has(name) && !isKept(name, type));
  const removed = [...dropped, ...unkept.map(([name]) => name)];
  const asRead = stored.get('revision');
  return {
    UpdateExpression: `SET ${Object.keys(set)
      .map((name) => `#${name} = :${name}`)
      .join(', ')} REMOVE ${removed.map((name) => `#${name}`).join(', ')}`,
    ConditionExpression: asRead === undefined ? 'attribute_not_exists(#revision)' : '#revision = :as_read',
    ExpressionAttributeNames: Object.fromEntries([...Object.keys(set), ...removed].map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: {
      ...Object.fromEntries(Object.entries(set).map(([name, value]) => [`:${name}`, value])),
      ...(asRead !== undefined && { ':as_read': asRead }),
    },
  };
}
