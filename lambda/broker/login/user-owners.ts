// Reads, holds off and rebinds the accounts that a Fegora user belongs to. Called by user-binding.ts.
import type { Item } from '../item.ts';
import type { AccountPorts, UserOwner } from '../ports.ts';

/** How long an account whose user was taken over stays away: no invocation of an old deployment lives longer. Milliseconds. */
const retiredMs = 120_000;

/** The functions with which one account takes over a user. They throw what the `users` port throws. */
export function createUserOwners({ account, users, observe }: AccountPorts) {
  return { ownerBefore, keepOff, retire, rebind };

  /** The account that the user was taken from, if its new owner has not come to inherit. */
  async function ownerBefore(
    { from }: UserOwner,
    item: Item,
    newUser: string,
    signal: AbortSignal,
  ): Promise<readonly Item[]> {
    return from === undefined || item.userKey === newUser ? [] : [(await users.read(from, signal)).item];
  }

  /**
   * Keeps the other account from a login with this user. An account that has moved to another user keeps that one.
   * Works also if the other account has no item yet: it may be about to claim its first login.
   */
  function keepOff(other: Item, hasMoved: boolean, now: number, signal: AbortSignal): Promise<boolean> {
    return hasMoved
      ? users.write(other.account, { kind: 'fence', revision: other.revision }, signal)
      : retire(other, now + retiredMs, signal);
  }

  /** Keeps an account from logging in, and unbinds it from its user. False if the item is not as it was read. */
  function retire({ account: id, revision }: Item, retryAt: number, signal: AbortSignal): Promise<boolean> {
    return users.write(id, { kind: 'retire', revision, retryAt }, signal);
  }

  async function rebind(newUser: string, from: string, signal: AbortSignal): Promise<boolean> {
    const bound = await users.bindUser(newUser, { account, from }, signal);
    const isOurs = bound?.account === account;
    if (isOurs) {
      observe({ kind: 'user_taken_over' });
    }
    return isOurs;
  }
}
