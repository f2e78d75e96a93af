// One Fegora user, one account: binds the user of a login to this account before its first claim. Called by login-turn.ts.
import { BrokerError } from '../../errors.ts';
import { timeSince } from '../clock.ts';
import { blockOf, type Item, type LogEntry, stealableAt, userKey } from '../item.ts';
import type { AccountPorts, Credentials, NewUser } from '../ports.ts';
import type { Snapshot } from '../refresh.ts';
import { recent } from './doubt.ts';

/** What a login with a newly bound user has to write. */
export interface Binding {
  readonly newUser: NewUser;
  /** The logs of the user so far. */
  readonly sends: Item['sends'];
  readonly logins: Item['logins'];
}

/** How long an account whose user was taken over stays away: no invocation of an old deployment lives longer. Milliseconds. */
const retiredMs = 120_000;

/**
 * Makes the function that binds the user of some credentials to the account of an item. It returns nothing if the account
 * is bound to that user already; the binding; when to read the item again, because it holds by now what another account
 * knew of the user; or the error that forbids the login: `duplicate_user` if another account is bound to
 * the user; what keeps that account from a login if the user is about to pass on.
 *
 * Two logins of one user at once can leave the user unable to log in until Fegora repairs it, also if they are for two accounts. An account
 * that is not configured any more, or is bound to another user by now, passes its user on as soon as its lease and back-off
 * are over; refusals and budget go along, before anything is sent.
 */
export function createUserBinding({ account, clock, table, users, tokenUrl, isConfigured, observe }: AccountPorts) {
  return async (
    snapshot: Snapshot,
    { username }: Credentials,
    signal: AbortSignal,
  ): Promise<Binding | BrokerError | ReadAgain | undefined> => {
    const { item } = snapshot;
    const key = userKey(tokenUrl, username);
    if (item.userKey === key) {
      return undefined;
    }
    const newUser = { key, isChange: item.userKey !== undefined };
    const owner = await users.bindUser(key, { account }, signal);
    if (owner.account !== account) {
      return await takeOver({ snapshot, newUser, signal }, owner.account);
    }
    // The account that took the user over may not have come to inherit.
    const other = owner.from === undefined ? undefined : (await users.read(owner.from, signal)).item;
    return other === undefined
      ? { newUser, ...ownLogs(item, newUser) }
      : await inherit({ snapshot, newUser, signal }, other);
  };

  async function takeOver(heir: Heir, owner: string): Promise<BrokerError | ReadAgain> {
    const { snapshot, newUser, signal } = heir;
    const { item: other } = await users.read(owner, signal);
    const now = timeSince(clock, snapshot.seen);
    const isActive = isConfigured(owner) && (other.userKey === undefined || other.userKey === newUser.key);
    if (isActive || other.fault !== undefined) {
      return new BrokerError('duplicate_user', 'another account is bound to the Fegora user of this account');
    }
    const busy = busyError(other, now);
    if (busy !== undefined) {
      return busy;
    }
    const change = { kind: 'retire', revision: other.revision, retryAt: now + retiredMs } as const;
    // Also if the other account has no item yet: it may be about to claim its first login.
    const isRetired = await users.write(owner, change, signal);
    const bound = isRetired && (await users.bindUser(newUser.key, { account, from: owner }, signal));
    if (bound === false || bound.account !== account) {
      return new BrokerError('renewal_in_progress', 'the Fegora user is passing from one account to another');
    }
    observe({ kind: 'user_taken_over' });
    return await inherit(heir, other);
  }

  /** Writes what the other account knew of the user. If another environment was faster, reading again shows that. */
  async function inherit({ snapshot: { item, seen }, newUser, signal }: Heir, other: Item): Promise<ReadAgain> {
    const own = ownLogs(item, newUser);
    const now = timeSince(clock, seen);
    await table.write(
      {
        kind: 'inherit',
        revision: item.revision,
        newUser,
        rejectedCredentials: [...other.rejectedCredentials],
        sends: recent(union(own.sends, other.sends), now),
        logins: recent(union(own.logins, other.logins), now),
      },
      signal,
    );
    return { againAt: now };
  }

  /** What keeps the other account from a login. Its own back-off for having lost this user does not count. */
  function busyError(other: Item, now: number): BrokerError | undefined {
    const retryAfterMs = stealableAt(other) - now;
    if (retryAfterMs >= 0) {
      return new BrokerError('renewal_in_progress', 'a login of this Fegora user is under way', { retryAfterMs });
    }
    return other.paused || other.retryCode === 'duplicate_user' ? undefined : blockOf(other, now);
  }
}

/** The item must be read again at this time. Epoch milliseconds. */
interface ReadAgain {
  readonly againAt: number;
}

/** An account that is to get a user. */
interface Heir {
  readonly snapshot: Snapshot;
  readonly newUser: NewUser;
  readonly signal: AbortSignal;
}

/** What the item itself knows of the user. The logs of another user say nothing. */
function ownLogs({ sends, logins }: Item, { isChange }: NewUser): Pick<Item, 'sends' | 'logins'> {
  return isChange ? { sends: [], logins: [] } : { sends, logins };
}

/** The entries of both logs in their order. Those that one account had taken from the other count once. */
function union(one: readonly LogEntry[], other: readonly LogEntry[]): readonly LogEntry[] {
  const entries = new Map([...one, ...other].map((entry) => [`${entry.at} ${entry.tag}`, entry]));
  return [...entries.values()].sort((a, b) => a.at - b.at);
}
