// Builds the expressions of every UpdateItem. Called by token-table.ts.
import { clockToleranceMs } from '../broker/clock.ts';
import { type Item, type LogEntry, noUser, type Rejection } from '../broker/item.ts';
import type {
  Backoff,
  Change,
  Claim,
  Failure,
  Inheritance,
  StoredError,
  Unreachable,
  UserBinding,
} from '../broker/ports.ts';
import { renewableFrom, seal } from '../broker/token.ts';
import { unlessAsked, unlessNoted, useTerms } from './due/use-terms.ts';
import { ofClaim, refreshAttributes, refreshRemovedBy, refreshSet } from './refresh-seal.ts';
import { boundAttributes, settledText, type TokenBinding } from './token-binding.ts';
import { asItWasRead, express, number, ofOurSchema, ofOwner, type Terms, type Update } from './update-expressions.ts';

/** The claim: on the item as read, and only if no lease stands, or one that ended over the clocks' tolerance ago. */
export function claimUpdate({ revision }: Item, claim: Claim): Update {
  const { owner, now, leaseUntil, retryRejectedAt, sends, logins, newUser } = claim;
  const asRead = asItWasRead(revision);
  return express({
    set: {
      owner: { S: owner },
      lease_until: number(leaseUntil),
      sends: log(sends),
      logins: log(logins),
      ...(retryRejectedAt !== undefined && { next_try: number(retryRejectedAt) }),
      ...(newUser !== undefined && { user_key: { S: newUser } }),
    },
    remove: [...(claim.dropToken ? tokenAttributes : []), ...refreshRemovedBy(claim)],
    condition: `${asRead.condition} AND (attribute_not_exists(#lease_until) OR #lease_until < :ended)`,
    conditionValues: { ended: number(now - clockToleranceMs), ...asRead.conditionValues },
  });
}

/** Binds a Fegora user to an account: only if it is bound to none, or to `from`. */
export function bindUserUpdate({ account, from }: UserBinding): Update {
  const condition = 'attribute_not_exists(#owner_account)';
  return express(
    from === undefined
      ? { set: { owner_account: { S: account } }, condition }
      : {
          set: { owner_account: { S: account }, from_account: { S: from } },
          condition: `${condition} OR #owner_account = :from_account`,
        },
  );
}

/** Any other write. */
export function changeUpdate(account: string, change: OtherChange, binding: TokenBinding = ''): Update {
  return express(termsOf(account, change, binding));
}

type OtherChange = Exclude<Change, { kind: 'reset' }>;

function termsOf(account: string, change: Parameters<typeof changeUpdate>[1], binding: TokenBinding): Terms {
  switch (change.kind) {
    case 'publish':
      return publishUpdate(account, change, binding);
    case 'fail':
      return failUpdate(change);
    case 'reject':
      return rejectUpdate(change);
    case 'unreachable':
      return unreachableUpdate(change);
    case 'extend':
      return { set: { lease_until: number(change.leaseUntil) }, ...ofOwner(change.owner) };
    case 'retire':
      return retireUpdate(change);
    case 'fence':
      return asItWasRead(change.revision);
    case 'inherit':
      return inheritUpdate(change);
    case 'note':
      // That a caller asked must not get lost because a login of a warm-up changed the revision meanwhile.
      return 'dueAt' in change
        ? { ...useTerms(account, 'asked', change.dueAt), condition: unlessNoted }
        : { ...useTerms(account, 'idle'), ...asItWasRead(change.revision) };
    case 'clear-rejection':
      return { remove: ['marks', 'next_try', 'retry_key', 'sends', ...backoffAttributes], ...ofOurSchema };
    case 'purge':
    case 'revoke':
      return { remove: [...tokenAttributes, ...refreshAttributes, 'last_login'], addGeneration: true, ...ofOurSchema };
    case 'pause':
      return { set: { paused: { BOOL: true } }, remove: refreshAttributes, addGeneration: true, ...ofOurSchema };
    case 'resume':
      return { remove: ['paused'], ...ofOurSchema };
  }
}

/** Bound to no user, which differs from never having been bound: the next login must bind a user first. */
function retireUpdate({ retryAt, revision }: Extract<Change, { kind: 'retire' }>): Terms {
  return {
    set: { retry_at: number(retryAt), retry_code: { S: 'duplicate_user' }, user_key: { S: noUser } },
    remove: refreshAttributes,
    ...asItWasRead(revision),
  };
}

/** Without the owner: a holder that is late for its lease can write nothing after this. */
function inheritUpdate(change: Inheritance): Terms {
  const { revision, newUser, rejectedCredentials, sends, logins, lastGood, retryKey, retryRejectedAt, lifetimeMs } =
    change;
  return {
    set: {
      user_key: { S: newUser },
      sends: log(sends),
      logins: log(logins),
      ...(lastGood !== undefined && { proven: { S: lastGood } }),
      ...(retryKey !== undefined && { retry_key: { S: retryKey } }),
      ...(retryRejectedAt !== undefined && { next_try: number(retryRejectedAt) }),
      ...(lifetimeMs !== undefined && { lifetime_ms: number(lifetimeMs) }),
    },
    remove: ['owner'],
    ...(rejectedCredentials.length > 0 && { addRejected: rejectedCredentials }),
    ...asItWasRead(revision),
  };
}

function publishUpdate(account: string, change: Extract<Change, { kind: 'publish' }>, binding: TokenBinding): Terms {
  const { owner, token, key, at, sends, isSlow, loginMs, tokenUser, isOtherUser } = change;
  const use = useTerms(account, change.use, renewableFrom(token, 0));
  return {
    set: {
      access_token: { S: token.accessToken },
      issued_at: number(token.issuedAt),
      lifetime_ms: number(token.lifetimeMs),
      version_id: { S: token.versionId },
      seal: { S: seal(account, token) },
      ...boundAttributes(binding, token.accessToken),
      ...(tokenUser !== undefined && { token_user: { S: tokenUser } }),
      last_login: number(at),
      ...(key !== undefined && { proven: { S: key } }),
      ...refreshSet(account, change, settledText(binding)),
      lease_until: number(0),
      sends: log(sends),
      slow: { BOOL: isSlow },
      login_ms: number(loginMs),
      ...use.set,
    },
    remove: [...endedBy(change), ...use.remove],
    ...(key !== undefined && { deleteRejected: key }),
    addGeneration: isOtherUser,
    ...ofClaim(unlessAsked(ofOwner(owner), change.use), change),
  };
}

/** What a token ends. One that was bought without the password says nothing of late tries. */
function endedBy({ key, refresh }: Pick<Extract<Change, { kind: 'publish' }>, 'key' | 'refresh'>): readonly string[] {
  return [
    ...[...backoffAttributes, 'renew_at'],
    ...(key === undefined ? [] : ['next_try', 'retry_key']),
    ...['last_error_code', 'last_error_at'],
    ...(refresh === 'none' ? refreshAttributes : []),
  ];
}

function failUpdate(change: Failure): Terms {
  const { owner, endLease, error, backoff, renewAt, sends, logins, retryRejectedAt, isSlow, refresh } = change;
  return {
    set: {
      ...(endLease && { lease_until: number(0) }),
      ...(error !== undefined && errorAttributes(error)),
      ...(backoff !== undefined && backoffSet(backoff)),
      ...(renewAt !== undefined && { renew_at: number(renewAt) }),
      ...(sends !== undefined && { sends: log(sends) }),
      ...(logins !== undefined && { logins: log(logins) }),
      ...(retryRejectedAt !== undefined && { next_try: number(retryRejectedAt) }),
      ...(isSlow !== undefined && { slow: { BOOL: isSlow } }),
      ...(refresh !== undefined && { refresh_token: { S: refresh.token } }),
    },
    // A failure without a back-off (a refused password) ends the back-off of the failure before it.
    remove: error !== undefined && backoff === undefined ? backoffAttributes : [],
    ...ofClaim(ofOwner(owner), change),
  };
}

function unreachableUpdate({ revision, error, backoff, renewAt }: Unreachable): Terms {
  const ahead = renewAt !== undefined && { renew_at: number(renewAt) };
  return { set: { ...errorAttributes(error), ...backoffSet(backoff), ...ahead }, ...asItWasRead(revision) };
}

function rejectUpdate({ key, retryRejectedAt }: Rejection): Terms {
  return {
    set: retryRejectedAt === undefined ? {} : { next_try: number(retryRejectedAt), retry_key: { S: key } },
    addRejected: [key],
  };
}

function errorAttributes({ code, at }: StoredError) {
  return { last_error_code: { S: code }, last_error_at: number(at) };
}

function backoffSet({ retryAt, code, answer, failures }: Backoff) {
  return {
    retry_at: number(retryAt),
    retry_code: { S: code },
    failed_answer: { S: answer },
    failed_counts: { S: counts(failures) },
  };
}

const backoffAttributes = ['retry_at', 'retry_code', 'failed_answer', 'failed_counts'];
const tokenAttributes = ['access_token', 'seal', 'bound_to', 'bound_also'];

/** Counts as item-record.ts reads them. */
function counts(failures: Backoff['failures']): string {
  return Object.entries(failures)
    .map(([name, count]) => `${name}.${count}`)
    .join(' ');
}

/** Entries as item-record.ts reads them. Seconds are rounded up, so that no window ends early. */
function log(entries: readonly LogEntry[]): { readonly S: string } {
  return { S: entries.map(({ at, tag }) => `${Math.ceil(at / 1000).toString(36)}.${tag}`).join(' ') };
}
