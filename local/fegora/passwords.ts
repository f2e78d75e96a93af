import type { FegoraSettings } from './settings.ts';

interface Account {
  password: string;
  failures: number;
  /** Epoch milliseconds. */
  lockedUntil: number;
}

/** Who may log in, and who is locked out after too many wrong passwords, as ASP.NET Identity counts them. */
export interface Passwords {
  /** Whether these are the credentials of an account that is not locked; a wrong password counts against it. */
  readonly accepts: (username: string, password: string) => boolean;
  /** Adds an account or gives it another password; failures and lock stand. */
  readonly set: (username: string, password: string) => void;
  readonly isLocked: (username: string) => boolean;
}

/** No accounts at first. `now` is epoch milliseconds. */
export function createPasswords(settings: FegoraSettings, now: () => number): Passwords {
  const accounts = new Map<string, Account>();
  const locked = (account: Account): boolean => now() < account.lockedUntil;

  const miss = (account: Account): void => {
    account.failures += 1;
    if (account.failures === settings.lockoutFailures) {
      account.failures = 0;
      account.lockedUntil = now() + settings.lockoutMinutes * 60_000;
    }
  };

  return {
    accepts: (username, password) => {
      const account = accounts.get(username);
      if (account === undefined || locked(account)) {
        return false;
      }
      if (account.password !== password) {
        miss(account);
        return false;
      }
      account.failures = 0;
      return true;
    },
    set: (username, password) => {
      const known = accounts.get(username) ?? { failures: 0, lockedUntil: Number.NEGATIVE_INFINITY };
      accounts.set(username, { ...known, password });
    },
    isLocked: (username) => {
      const account = accounts.get(username);
      return account !== undefined && locked(account);
    },
  };
}
