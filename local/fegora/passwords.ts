// The users of the simulator, their passwords and the lockout. Used by grants.ts and server.ts.
import { createHash } from 'node:crypto';
import type { FegoraSettings } from './settings.ts';

interface Account {
  password: string;
  failures: number;
  /** Epoch milliseconds. */
  lockedUntil: number;
}

/** The name under which the server knows a user: names ignore case, as in ASP.NET Identity. */
export function userKey(username: string): string {
  return username.toLowerCase();
}

/** Whether both names are names of one user. A missing name is no user's name. */
export function isSameUser(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && userKey(one) === userKey(other);
}

/** Identifies a password in the records without showing it: its SHA-256 in hex. */
export function passwordHash(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}

/** Users and passwords. Too many wrong passwords lock a user out, as in ASP.NET Identity. */
export interface Passwords {
  /** Whether the password is right and the user is not locked. A wrong password counts towards the lockout. */
  readonly accepts: (username: string, password: string) => boolean;
  /** Adds a user, or changes the password. The count of failures and the lock stay as they are. */
  readonly set: (username: string, password: string) => void;
  readonly isLocked: (username: string) => boolean;
}

/** Starts without users. `now` returns epoch milliseconds. */
export function createPasswords(settings: FegoraSettings, now: () => number): Passwords {
  const accounts = new Map<string, Account>();
  const of = (username: string): Account | undefined => accounts.get(userKey(username));
  const locked = (account: Account): boolean => now() < account.lockedUntil;

  const countFailure = (account: Account): void => {
    account.failures += 1;
    if (account.failures === settings.lockoutFailures) {
      account.failures = 0;
      account.lockedUntil = now() + settings.lockoutMinutes * 60_000;
    }
  };

  return {
    accepts: (username, password) => {
      const account = of(username);
      if (account === undefined || locked(account)) {
        return false;
      }
      if (account.password !== password) {
        countFailure(account);
        return false;
      }
      account.failures = 0;
      return true;
    },
    set: (username, password) => {
      const existing = of(username) ?? { failures: 0, lockedUntil: Number.NEGATIVE_INFINITY };
      accounts.set(userKey(username), { ...existing, password });
    },
    isLocked: (username) => {
      const account = of(username);
      return account !== undefined && locked(account);
    },
  };
}
