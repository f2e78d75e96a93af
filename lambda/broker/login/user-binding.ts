// One Fegora user, one account: binds the user of a login to this account before its first claim. Called by login-turn.ts.
import { BrokerError } from '../../errors.ts';
import { blockOf, type Item, stealableAt, userKey } from '../item.ts';
import type { AccountPorts, Credentials, NewUser } from '../ports.ts';
import { recent } from './doubt.ts';

/** What a login with a newly bound user has to write, and what it takes along. */
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
 * is bound to that user already, the binding, or the error that forbids the login: `duplicate_user` if another account is
 * bound to the user; what keeps that account from a login if the user is about to pass on.
 *
 * Two logins of one user at once can leave the user unable to log in until Fegora repairs it, also if they are for two accounts. An account
 * that is not configured any more, or is bound to another user by now, passes its user on as soon as its lease and back-off
 * are over; refusals and budget go along.
 */
export function createUserBinding({ account, clock, users, tokenUrl, isConfigured, observe }: AccountPorts) {
  return async (
    item: Item,
    { username }: Credentials,
    signal: AbortSignal,
  ): Promise<Binding | BrokerError | undefined> => {
    const key = userKey(tokenUrl, username);
    if (item.userKey === key) {
      return undefined;
    }
    const newUser = { key, isChange: item.userKey !== undefined, rejectedCredentials: [] };
    const owner = await users.bindUser(key, { account }, signal);
    if (owner === account) {
      return newUser.isChange
        ? { newUser, sends: [], logins: [] }
        : { newUser, sends: item.sends, logins: item.logins };
    }
    return await takeOver(owner, newUser, signal);
  };

  async function takeOver(owner: string, newUser: NewUser, signal: AbortSignal): Promise<Binding | BrokerError> {
    const { item: other } = await users.read(owner, signal);
    const now = clock.now();
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
    const isOurs = isRetired && (await users.bindUser(newUser.key, { account, from: owner }, signal)) === account;
    if (!isOurs) {
      return new BrokerError('renewal_in_progress', 'the Fegora user is passing from one account to another');
    }
    observe({ kind: 'user_taken_over' });
    return {
      newUser: { ...newUser, rejectedCredentials: [...other.rejectedCredentials] },
      sends: recent(other.sends, now),
      logins: recent(other.logins, now),
    };
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
