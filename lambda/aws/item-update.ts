// Builds the expressions of every UpdateItem. Called by token-table.ts.
import { clockToleranceMs } from '../broker/clock.ts';
import type { ForcedRenewals, Item } from '../broker/item.ts';
import type { Change, Claim } from '../broker/ports.ts';
import { seal } from '../broker/token.ts';
import { type Attribute, schemaVersion } from './item-record.ts';

/** The expressions of one UpdateItem. */
export interface Update {
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, Attribute>>;
}

/** What an update is made of. */
interface Terms {
  readonly set?: Readonly<Record<string, Attribute>>;
  readonly remove?: readonly string[];
  readonly raiseGeneration?: true;
  readonly addRejected?: string;
  readonly deleteRejected?: string;
  /** Names stand as `#name`, values as `:name`. */
  readonly condition?: string;
  readonly conditionValues?: Readonly<Record<string, Attribute>>;
}

/** The claim: on the item as read, and on no lease but one that ended over the clocks' tolerance ago. */
export function claimUpdate({ revision }: Item, claim: Claim): Update {
  const { owner, now, leaseUntil, dropToken, retryRejectedAt, forced } = claim;
  const isAsRead = revision === 0 ? 'attribute_not_exists(#revision)' : '#revision = :as_read';
  return express({
    set: {
      owner: { S: owner },
      lease_until: number(leaseUntil),
      ...(retryRejectedAt !== undefined && { next_try: number(retryRejectedAt) }),
      ...(forced !== undefined && forcedAttributes(forced)),
    },
    remove: dropToken ? ['access_token', 'seal'] : [],
    condition: `${isAsRead} AND (attribute_not_exists(#lease_until) OR #lease_until < :ended)`,
    conditionValues: {
      ended: number(now - clockToleranceMs),
      ...(revision !== 0 && { as_read: number(revision) }),
    },
  });
}

/** Any other write. */
export function changeUpdate(account: string, change: Exclude<Change, { kind: 'reset' }>): Update {
  return express(termsOf(account, change));
}

function termsOf(account: string, change: Parameters<typeof changeUpdate>[1]): Terms {
  switch (change.kind) {
    case 'publish':
      return publishUpdate(account, change);
    case 'fail':
      return failUpdate(change);
    case 'reject':
      return {
        set: change.retryRejectedAt === undefined ? {} : { next_try: number(change.retryRejectedAt) },
        addRejected: change.key,
      };
    case 'clear-rejection':
      return { remove: ['marks', 'next_try', ...backoffAttributes], ...ofOurSchema };
    case 'purge':
    case 'revoke':
      return {
        remove: ['access_token', 'seal', 'bound_to', 'last_login'],
        raiseGeneration: true,
        ...ofOurSchema,
      };
    case 'pause':
      return { set: { paused: { BOOL: true } }, raiseGeneration: true, ...ofOurSchema };
    case 'resume':
      return { remove: ['paused'], ...ofOurSchema };
  }
}

function publishUpdate(account: string, { owner, token, key, at }: Extract<Change, { kind: 'publish' }>): Terms {
  return {
    set: {
      access_token: { S: token.accessToken },
      issued_at: number(token.issuedAt),
      lifetime_ms: number(token.lifetimeMs),
      version_id: { S: token.versionId },
      seal: { S: seal(account, token) },
      last_login: number(at),
      proven: { S: key },
      lease_until: number(0),
    },
    remove: [...backoffAttributes, 'renew_at', 'next_try'],
    deleteRejected: key,
    ...ofOwner(owner),
  };
}

function failUpdate(change: Extract<Change, { kind: 'fail' }>): Terms {
  const { owner, endLease, error, backoff, renewAt, rollback } = change;
  return {
    set: {
      ...(endLease && { lease_until: number(0) }),
      ...(error !== undefined && { last_error_code: { S: error.code }, last_error_at: number(error.at) }),
      ...(backoff !== undefined && {
        retry_at: number(backoff.retryAt),
        retry_code: { S: backoff.code },
        failed_answer: { S: backoff.answer },
        failures: number(backoff.failures),
      }),
      ...(renewAt !== undefined && { renew_at: number(renewAt) }),
      ...(rollback?.retryRejectedAt !== undefined && { next_try: number(rollback.retryRejectedAt) }),
      ...(rollback?.forced !== undefined && forcedAttributes(rollback.forced)),
    },
    // A failure that holds nobody (a refused password) ends the hold that the one before it had set.
    remove: error !== undefined && backoff === undefined ? backoffAttributes : [],
    ...ofOwner(owner),
  };
}

const backoffAttributes = ['retry_at', 'retry_code', 'failed_answer', 'failures'];

function forcedAttributes({ count, since }: ForcedRenewals) {
  return { forced_count: number(count), forced_since: number(since) };
}

function ofOwner(owner: string) {
  return { condition: '#owner = :holder', conditionValues: { holder: { S: owner } } };
}

/** Operators' changes are refused on an item that a later version wrote. */
const ofOurSchema = {
  condition: 'attribute_not_exists(#schema) OR #schema = :ours',
  conditionValues: { ours: number(schemaVersion) },
};

/** Every write counts the revision up, so that whoever read the item before cannot claim on it. */
function express(terms: Terms): Update {
  const {
    set = {},
    remove = [],
    raiseGeneration,
    addRejected,
    deleteRejected,
    condition,
    conditionValues = {},
  } = terms;
  const assignments = [
    '#schema = if_not_exists(#schema, :schema)',
    ...Object.keys(set).map((name) => `#${name} = :${name}`),
  ];
  const text = [
    `SET ${assignments.join(', ')}`,
    `ADD #revision :one${raiseGeneration ? ', #generation :one' : ''}${addRejected === undefined ? '' : ', #marks :marks'}`,
    ...(remove.length === 0 ? [] : [`REMOVE ${remove.map((name) => `#${name}`).join(', ')}`]),
    ...(deleteRejected === undefined ? [] : ['DELETE #marks :marks']),
  ].join(' ');
  const rejected = addRejected ?? deleteRejected;
  const values: Record<string, Attribute> = {
    schema: number(schemaVersion),
    one: number(1),
    ...set,
    ...(rejected !== undefined && { marks: { SS: [rejected] } }),
    ...conditionValues,
  };
  const used = `${text} ${condition ?? ''}`.match(/#\w+/g) ?? [];
  return {
    UpdateExpression: text,
    ...(condition !== undefined && { ConditionExpression: condition }),
    ExpressionAttributeNames: Object.fromEntries(used.map((name) => [name, name.slice(1)])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
  };
}

function number(value: number): { readonly N: string } {
  return { N: String(value) };
}
