// What the core needs of the world. Filled by ../handler.ts, implemented in ../aws, ../fegora and ../telemetry.
import type { BrokerError, ErrorCode } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { ForcedRenewals, Item } from './item.ts';
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
 * @throws BrokerError `secret_missing`, `credentials_missing`, `secret_malformed`, `configuration`, `secret_unavailable`
 */
export type ReadCredentials = (
  account: string,
  options: { readonly past: boolean; readonly signal: AbortSignal },
) => Promise<Credentials>;

/** How a login ended. */
export type LoginOutcome =
  | IssuedLogin
  | FailedLogin
  /** `beforeFirstByte` answered false: nothing was sent. */
  | { readonly kind: 'withheld' };

/** A login that brought a token. */
export interface IssuedLogin {
  readonly kind: 'issued';
  readonly accessToken: string;
  readonly lifetimeMs: number;
  /** Fegora's clock (`.issued`) minus ours at the answer; absent if the answer does not say. Milliseconds. */
  readonly skewMs?: number;
}

/** A login that brought no token. */
export interface FailedLogin {
  readonly kind: 'failed';
  readonly error: BrokerError;
  /** What Fegora knows of the login: nothing was sent; Fegora answered in full; or nobody can tell. */
  readonly reached: 'no' | 'answered' | 'unknown';
  /**
   * Names the answer, so that equal answers in a row can be counted. `invalid_grant`: Fegora refused the password.
   * `doubt`: the answer may mean that.
   */
  readonly answer: 'invalid_grant' | 'doubt' | 'html_500' | ErrorCode;
  /** Fegora's `Retry-After` with any status, without a cap. Milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * Opens a connection to Fegora for one login: name, TCP, TLS. It sends nothing of the credentials. The signal ends only
 * the opening. Never rejects; what it returns as failed has `reached: 'no'`.
 */
export type Login = (signal: AbortSignal) => Promise<LoginConnection | FailedLogin>;

/** An open connection for one login. Its owner must send over it or close it. */
export interface LoginConnection {
  readonly kind: 'connected';
  /**
   * Sends one password grant, once. Calls `beforeFirstByte` once, synchronously, immediately before the first byte of
   * the request is written; if that answers false, sends nothing. If the connection died before that, it does not call
   * `beforeFirstByte`, and the failure has `reached: 'no'`. Never rejects. Closes the connection at its end.
   */
  readonly send: (
    credentials: Credentials,
    options: { readonly signal: AbortSignal; readonly beforeFirstByte: () => boolean },
  ) => Promise<LoginOutcome>;
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
  /** Set if the stored token was reported as rejected. */
  readonly forced?: ForcedRenewals;
}

/** Every other write. `publish` and `fail` apply only for the owner of the latest claim; the rest are unconditional. */
export type Change =
  | {
      readonly kind: 'publish';
      readonly owner: string;
      readonly token: Token;
      readonly key: string;
      readonly at: number;
    }
  | Failure
  | Rejection
  | { readonly kind: Exclude<Amendment, 'reset'> }
  | { readonly kind: 'reset' };

/** What is stored of a claim that brought no token. */
export interface Failure {
  readonly kind: 'fail';
  readonly owner: string;
  readonly endLease: boolean;
  /** Absent if nothing was sent. */
  readonly error?: { readonly code: ErrorCode; readonly at: number };
  readonly backoff?: {
    readonly retryAt: number;
    readonly code: ErrorCode;
    readonly answer: string;
    readonly failures: number;
  };
  readonly renewAt?: number;
  /** What the claim had counted or set, as it was before: for a login that was not sent. */
  readonly rollback?: { readonly forced?: ForcedRenewals; readonly retryRejectedAt?: number };
}

/** The note that Fegora refused the credentials with this key. */
export interface Rejection {
  readonly kind: 'reject';
  readonly key: string;
  readonly retryRejectedAt?: number;
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
  /** A strongly consistent read. `at` is the table's own time, whole seconds cut off; absent if the table did not say. */
  readonly read: (account: string, signal: AbortSignal) => Promise<{ readonly item: Item; readonly at?: number }>;
  /** Whether the claim is ours. It applies only to the item as it was read, and only if no lease stands. */
  readonly claim: (item: Item, claim: Claim, signal: AbortSignal) => Promise<boolean>;
  /** Whether the change was made; false if another claim came in between. */
  readonly write: (account: string, change: Change, signal: AbortSignal) => Promise<boolean>;
}

/** Milliseconds that the invocation has left. */
export type Remaining = () => number;

/** What the core noticed about an account, for metrics and the log. Never holds a secret or a token. */
export type Observation = Noticed & { readonly account: string };

/** The same without the account. */
export type Noticed =
  | { readonly kind: 'login'; readonly outcome: 'issued' | FailedLogin['answer']; readonly ms: number }
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
  | 'mark_unwritten'
  | 'retry_held'
  | 'html_500_repeated';

/** Hears what the core noticed. Must not throw. */
export type Observe = (observation: Observation) => void;

/** The ports of one account: the same, without the account in their signatures. */
export interface AccountPorts extends Pick<Ports, 'clock' | 'random' | 'login' | 'tokenUrl'> {
  readonly readCredentials: (options: Parameters<ReadCredentials>[1]) => Promise<Credentials>;
  readonly table: {
    readonly read: (signal: AbortSignal) => ReturnType<TokenTable['read']>;
    readonly claim: TokenTable['claim'];
    readonly write: (change: Change, signal: AbortSignal) => Promise<boolean>;
  };
  readonly observe: (noticed: Noticed) => void;
}

/** Binds the ports to one account. */
export function portsOf(account: string, ports: Ports): AccountPorts {
  const { clock, random, login, tokenUrl, table } = ports;
  return {
    clock,
    random,
    login,
    tokenUrl,
    readCredentials: (options) => ports.readCredentials(account, options),
    table: {
      read: (signal) => table.read(account, signal),
      claim: table.claim,
      write: (change, signal) => table.write(account, change, signal),
    },
    observe: (noticed) => ports.observe({ ...noticed, account }),
  };
}
