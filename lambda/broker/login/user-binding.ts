// One Fegora user, one account: binds the user of a login to this account before its first claim. Called by login-turn.ts.
import { BrokerError } from '../../errors.ts';
import { timeSince } from '../clock.ts';
import { blockOf, hasUser, type Item, stealableAt, userKey } from '../item.ts';
import type { AccountPorts, Credentials, UserOwner } from '../ports.ts';
import type { Snapshot } from '../refresh.ts';
import { inheritanceOf } from './inheritance.ts';
import { createUserOwners } from './user-owners.ts';

/** What a login with a newly bound user has to write: `userKey` of the user. */
export interface Binding {
  readonly newUser: string;
}

/** How long an account stays away whose user belongs to another account. Milliseconds. */
const duplicateMs = 30_000;

/**
 * Makes the function that binds the user of some credentials to the account of an item. It returns nothing if the account
 * is bound to that user already; the binding; when to read the item again, because it holds by now what another account
 * knew of the user; or the error that forbids the login: `duplicate_user` if another account is bound to
 * the user; what keeps that account from a login if the user is about to pass on.
 *
 * Two logins of one user at once can leave the user unable to log in until Fegora repairs it, also if they are for two accounts. An account
 * that is not configured any more, or is bound to another user by now, passes its user on as soon as its lease and back-off
 * are over; refusals and budget go along, before anything is sent. An open account counts as configured while its secret can be
 * read, or a token of it can be served. An account that finds its user with another account
 * lets go of its own user: its secret does not name that user any more.
 */
export function createUserBinding(ports: AccountPorts) {
  const { account, clock, table, users, tokenUrl, isConfigured } = ports;
  const { ownerBefore, keepOff, retire, rebind } = createUserOwners(ports);

  return async (
    snapshot: Snapshot,
    { username }: Credentials,
    signal: AbortSignal,
  ): Promise<Binding | BrokerError | ReadAgain | undefined> => {
    const { item } = snapshot;
    const newUser = userKey(tokenUrl, username);
    if (item.userKey === newUser) {
      return undefined;
    }
    const owner = await users.bindUser(newUser, { account }, signal);
    if (owner === undefined) {
      return { againAt: Number.POSITIVE_INFINITY, isCrowded: true };
    }
    if (owner.account !== account) {
      return await takeOver({ snapshot, newUser, signal }, owner);
    }
    const before = await ownerBefore(owner, item, newUser, signal);
    return before.length === 0 ? { newUser } : await inherit({ snapshot, newUser, signal }, before);
  };

  async function takeOver(heir: Heir, owned: UserOwner): Promise<BrokerError | ReadAgain> {
    const { snapshot, newUser, signal } = heir;
    const owner = owned.account;
    const { item: other } = await users.read(owner, signal);
    const now = timeSince(clock, snapshot.seen);
    const hasMoved = other.userKey !== undefined && other.userKey !== newUser;
    if (other.fault !== undefined || (!hasMoved && (await isConfigured(owner, other, signal)))) {
      return await letGo(snapshot.item, now, signal);
    }
    const busy = busyError(other, now);
    if (busy !== undefined) {
      return busy;
    }
    const before = await ownerBefore(owned, other, newUser, signal);
    const isKeptOff = await keepOff(other, hasMoved, now, signal);
    return isKeptOff && (await rebind(newUser, owner, signal)) ? await inherit(heir, [other, ...before]) : passing;
  }

  /** The secret does not name the account's former user any more, which another account may be waiting for. */
  async function letGo(item: Item, now: number, signal: AbortSignal): Promise<BrokerError> {
    if (hasUser(item)) {
      await retire(item, now + duplicateMs, signal);
    }
    return new BrokerError('duplicate_user', 'another account is bound to the Fegora user of this account');
  }

  /** Writes what the other accounts knew of the user. If another environment was faster, reading again shows that. */
  async function inherit(
    { snapshot: { item, seen }, newUser, signal }: Heir,
    others: readonly Item[],
  ): Promise<ReadAgain> {
    const now = timeSince(clock, seen);
    await table.write(
      { kind: 'inherit', revision: item.revision, newUser, ...inheritanceOf(item, others, now) },
      signal,
    );
    return { againAt: now };
  }
}

/** What keeps the other account from a login. Its own back-off for having lost this user does not count. */
function busyError(other: Item, now: number): BrokerError | undefined {
  const retryAfterMs = stealableAt(other) - now;
  if (retryAfterMs >= 0) {
    return new BrokerError('renewal_in_progress', 'a login of this Fegora user is under way', { retryAfterMs });
  }
  return other.paused || other.retryCode === 'duplicate_user' ? undefined : blockOf(other, now);
}

const passing = new BrokerError('renewal_in_progress', 'the Fegora user is passing from one account to another');

/** The item must be read again at this time. Epoch milliseconds. */
export interface ReadAgain {
  readonly againAt: number;
  /** Whether the table was throttled: very many environments ask. */
  readonly isCrowded?: boolean;
}

/** An account that is to get a user. */
interface Heir {
  readonly snapshot: Snapshot;
  /** `userKey` of the user. */
  readonly newUser: string;
  readonly signal: AbortSignal;
}
