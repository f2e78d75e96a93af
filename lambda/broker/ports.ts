// What the core needs of the world. Filled by ../handler.ts, implemented in ../aws, ../fegora and ../telemetry.
import type { ErrorCode } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Item, LogEntry, Rejection, Use } from './item.ts';
import type { FailedLogin, LoginOutcome } from './login/login-outcome.ts';
import type { Token } from './token.ts';

/** Everything that the core needs. */
export interface Ports {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly readCredentials: ReadCredentials;
  readonly login: Login;
  readonly table: TokenTable;
  readonly observe: Observe;
  /** Part of what a rejection is about. */
  readonly tokenUrl: string;
  /** Whether an account that a user belongs to may still log in. `item` is its item. */
  readonly isConfigured: (account: string, item: Item, signal: AbortSignal) => boolean | Promise<boolean>;
  /** Whether an account need not exist: its secret tells. @default no account */
  readonly isOpen?: (account: string) => boolean;
  readonly loginBudget: LoginBudget;
  /** What a token is renewed with. @default `password` */
  readonly renewWith?: GrantType;
  /** Whether the items note which accounts callers use, for warm-ups that cost what is due. @default false */
  readonly notesUse?: boolean;
}

/** How many logins one Fegora user may have. */
export interface LoginBudget {
  readonly perHour: number;
  readonly perDay: number;
}

/** What one secret version holds. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  readonly versionId: string;
}

/**
 * Reads the credentials of an account, from memory while they are fresh. `past: true` always asks Secrets Manager.
 *
 * @throws BrokerError `unknown_account`, `throttled` (both only of an open account), `secret_missing`, `credentials_missing`,
 *   `secret_malformed`, `configuration`, `secret_unavailable`
 */
export type ReadCredentials = (
  account: string,
  options: { readonly past: boolean; readonly signal: AbortSignal },
) => Promise<Credentials>;

/**
 * Opens a connection to Fegora for one login: name, TCP, TLS. It sends nothing of the credentials. The signal ends only
 * the opening. Never rejects; what it returns as failed has `reached: 'no'`.
 */
export type Login = (signal: AbortSignal) => Promise<LoginConnection | FailedLogin>;

/** What a login brings a token with. */
export type GrantType = 'password' | 'refresh_token';

/** How one grant is sent. */
export interface SendOptions {
  readonly signal: AbortSignal;
  readonly beforeFirstByte: () => boolean;
  /** Is sent in place of the password. */
  readonly refreshToken?: string;
}

/** An open connection for one login. Its owner must send over it or close it. */
export interface LoginConnection {
  readonly kind: 'connected';
  /**
   * Sends one grant, once: the refresh token if there is one, otherwise the password. Calls `beforeFirstByte` once, synchronously, immediately before the first byte of
   * the request is written; if that answers false, sends nothing. If the connection died before that, it does not call
   * `beforeFirstByte`, and the failure has `reached: 'no'`. Never rejects. Closes the connection at its end.
   */
  readonly send: (credentials: Credentials, options: SendOptions) => Promise<LoginOutcome>;
  /** Closes a connection that was not used. Does nothing when `send` has settled. */
  readonly close: () => void;
}

/** One conditional write that takes the right to one login. Times are epoch milliseconds. */
export interface Claim {
  /** A new UUID. */
  readonly owner: string;
  readonly now: number;
  readonly leaseUntil: number;
  /** Whether to remove the stored token, which has expired. */
  readonly dropToken: boolean;
  /** The time of the retry after this one; set if this claim retries a rejected version that had worked. */
  readonly retryRejectedAt?: number;
  /** The logs with this login in them, as if it had been sent and had brought nothing. */
  readonly sends: readonly LogEntry[];
  readonly logins: readonly LogEntry[];
  /** `userKey` of the user; set if the account was not bound to it before. */
  readonly newUser?: string;
  /** `take`: removes the refresh token, which goes out in place of the password. `drop`: removes one that may not be used. */
  readonly refresh?: 'take' | 'drop';
}

/** Every other write. `publish` and `fail` apply only for the owner of the latest claim; the rest are unconditional. */
export type Change =
  | {
      readonly kind: 'publish';
      readonly owner: string;
      readonly token: Token;
      /** Of the credentials; absent if no password was sent, so that nothing was learnt of it. */
      readonly key?: string;
      readonly at: number;
      readonly sends: readonly LogEntry[];
      /** Whether the answer took longer than a login usually waits. */
      readonly isSlow: boolean;
      /** From the first byte of the login to its answer. Milliseconds. */
      readonly loginMs: number;
      /** `userKey` of the user that the token was bought as. */
      readonly tokenUser?: string;
      /** Whether the token before was another user's: then no environment may keep it. */
      readonly isOtherUser: boolean;
      /** `none`: what is stored of a refresh token goes. */
      readonly refresh?: NextRefresh | 'none';
      /** Absent: nothing is noted of it. */
      readonly use?: Use;
    }
  | Failure
  | Rejection
  /** Sets a back-off without a claim, because no connection could be made; only if the item is as it was read. */
  | Unreachable
  /** Makes the holder's lease last longer. */
  | { readonly kind: 'extend'; readonly owner: string; readonly leaseUntil: number }
  | Inheritance
  /** Keeps an account from logging in whose user another account takes over; only if the item is as it was read. */
  | { readonly kind: 'retire'; readonly revision: number; readonly retryAt: number }
  /** Changes nothing but the revision, only if the item is as it was read: who is about to claim must read again. */
  | { readonly kind: 'fence'; readonly revision: number }
  /**
   * `dueAt`: notes that a caller asked for the latest token, and when the next warm-up is due. `revision`: notes that the account is
   * in use no longer, only if the item is as it was read.
   */
  | ({ readonly kind: 'note' } & ({ readonly dueAt: number } | { readonly revision: number }))
  | { readonly kind: Exclude<Amendment, 'reset'> }
  | { readonly kind: 'reset' };

/** What is known of a user, taken along from the account that was bound to it. Only if the item is still as it was read. */
export interface Inheritance {
  readonly kind: 'inherit';
  readonly revision: number;
  /** `userKey` of the user. */
  readonly newUser: string;
  /** Keys of credentials that were rejected while the other account was bound to the user. */
  readonly rejectedCredentials: readonly string[];
  readonly sends: readonly LogEntry[];
  readonly logins: readonly LogEntry[];
  /** As in `Item`; absent if the other account did not know them. */
  readonly lastGood?: string;
  readonly retryKey?: string;
  readonly retryRejectedAt?: number;
  readonly lifetimeMs?: number;
}

/** What is stored of a claim that brought no token. */
export interface Failure {
  readonly kind: 'fail';
  readonly owner: string;
  readonly endLease: boolean;
  /** Absent if nothing was sent. */
  readonly error?: StoredError;
  readonly backoff?: Backoff;
  readonly renewAt?: number;
  /** The logs without this login, if it was none. */
  readonly sends?: readonly LogEntry[];
  readonly logins?: readonly LogEntry[];
  /** Whether the answer took longer than a login usually waits; absent if there was no answer. */
  readonly isSlow?: boolean;
  /** What the claim had set or taken, as it was before: for a login that was not sent. */
  readonly retryRejectedAt?: number;
  readonly refresh?: NextRefresh;
}

/**
 * A refresh token for the next login, and the `generation` of the item after the change that stores it. It is left out of the
 * change if a purge, a revocation or a pause came after the claim.
 */
export interface NextRefresh {
  readonly token: string;
  readonly generation: number;
}

/** The latest failure, for operators. */
export interface StoredError {
  readonly code: ErrorCode;
  readonly at: number;
}

/** Until when no environment may claim, and why. */
export interface Backoff {
  readonly retryAt: number;
  readonly code: ErrorCode;
  readonly answer: string;
  /** How many logins failed since the latest token, by class (`classOf`). */
  readonly failures: Readonly<Record<string, number>>;
}

/** What is stored when no connection to Fegora could be made. */
export interface Unreachable {
  readonly kind: 'unreachable';
  /** Of the item as it was read. */
  readonly revision: number;
  readonly error: StoredError;
  readonly backoff: Backoff;
  readonly renewAt?: number;
}

/**
 * How an operator changes an account's item. `reset` is only for an item that cannot be read, and refuses while a lease
 * stands (BrokerError `invalid_request`, `renewal_in_progress`). The others do not touch the lease. `purge`, `revoke` and
 * `pause` raise the generation.
 */
export type Amendment = 'clear-rejection' | 'purge' | 'revoke' | 'pause' | 'resume' | 'reset';

/**
 * The table that all environments share. Every function may throw BrokerError `table_unavailable` or `configuration`.
 * After that it is unknown whether a write took place.
 */
export interface TokenTable {
  /** A strongly consistent read. */
  readonly read: (account: string, signal: AbortSignal) => Promise<TimedItem>;
  /**
   * Whether the claim is ours. It applies only to the item as it was read, and only if no lease stands. Undefined if
   * the table was throttled: it is not.
   */
  readonly claim: (item: Item, claim: Claim, signal: AbortSignal) => Promise<boolean | undefined>;
  /** Whether the change was made; false if another claim came in between. */
  readonly write: (account: string, change: Change, signal: AbortSignal) => Promise<boolean>;
  /**
   * Binds a Fegora user to an account, if no account or only `from` is bound to it; says which account is bound to it now.
   * Undefined if the table was throttled, and bound nothing.
   */
  readonly bindUser: (userKey: string, binding: UserBinding, signal: AbortSignal) => Promise<UserOwner | undefined>;
}

/** An item, and the times of its read. Epoch milliseconds. */
export interface TimedItem {
  readonly item: Item;
  /** The table's own time, whole seconds cut off; absent if the table did not say. */
  readonly at?: number;
  /** When, by our wall clock, the request was sent that the table answered: it may have throttled others before. @default when the read began */
  readonly sentAt?: number;
}

/** The account that a user belongs to, and the account that it was taken from, if it was. */
export interface UserOwner {
  readonly account: string;
  readonly from?: string;
}

/** A user that is to belong to `account`, and the account that it may be taken from. */
export interface UserBinding {
  readonly account: string;
  readonly from?: string;
}

/** What the core noticed about an account, for metrics and the log. Never holds a secret or a token. */
export type Observation = Noticed & { readonly account: string };

/** The same without the account. */
export type Noticed =
  | {
      readonly kind: 'login';
      /** `refresh_refused`: Fegora did not take the refresh token, and the password follows. */
      readonly outcome: 'issued' | 'refresh_refused' | FailedLogin['answer'];
      readonly ms: number;
      /** Absent if every token is bought with the password. */
      readonly grant?: GrantType;
    }
  | { readonly kind: 'clock_skew'; readonly ms: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode }
  | { readonly kind: Incident };

/** Rare events that have a count of their own. */
export type Incident =
  | 'guard_expired'
  | 'clock_unsteady'
  | 'item_malformed'
  | 'token_malformed'
  | 'table_unavailable'
  | 'publish_refused'
  | 'user_taken_over'
  | 'budget_half_used'
  | 'mark_unwritten'
  | 'html_500_repeated';

/** Hears what the core noticed. Must not throw. */
export type Observe = (observation: Observation) => void;

/** The ports of one account: the same, without the account in their signatures. */
export interface AccountPorts extends Omit<Ports, 'readCredentials' | 'table' | 'observe'> {
  readonly account: string;
  readonly readCredentials: (options: Parameters<ReadCredentials>[1]) => Promise<Credentials>;
  readonly table: {
    readonly read: (signal: AbortSignal) => ReturnType<TokenTable['read']>;
    readonly claim: TokenTable['claim'];
    readonly write: (change: Change, signal: AbortSignal) => Promise<boolean>;
  };
  /** The whole table: for the items of other accounts of the same user. */
  readonly users: Pick<TokenTable, 'read' | 'write' | 'bindUser'>;
  readonly observe: (noticed: Noticed) => void;
}

/** Binds the ports to one account. */
export function portsOf(account: string, ports: Ports): AccountPorts {
  const { table, observe, readCredentials, ...rest } = ports;
  return {
    ...rest,
    account,
    readCredentials: (options) => readCredentials(account, options),
    table: {
      read: (signal) => table.read(account, signal),
      claim: table.claim,
      write: (change, signal) => table.write(account, change, signal),
    },
    users: table,
    observe: (noticed) => observe({ ...noticed, account }),
  };
}
