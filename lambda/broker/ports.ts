import type { BrokerError, ErrorCode } from '../errors.ts';
import type { ForcedRenewals, Item } from './item.ts';
import type { Token } from './token.ts';

/** Everything the core needs of the world; only handler.ts knows who fills it. */
export interface Ports {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly readCredentials: ReadCredentials;
  readonly login: Login;
  readonly table: TokenTable;
  readonly observe: Observe;
  /** Part of what a mark speaks of. */
  readonly tokenUrl: string;
}

/** Time as the broker sees it. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds since some fixed moment; never goes back. */
  readonly monotonic: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** What one secret version says. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  readonly versionId: string;
}

/**
 * Reads the credentials of an account, from memory while they are fresh. `past: true` asks Secrets Manager whatever
 * memory holds.
 *
 * @throws BrokerError `credentials_missing`, `secret_malformed`, `configuration`, `secret_unavailable`
 */
export type ReadCredentials = (
  account: string,
  options: { readonly past: boolean; readonly signal: AbortSignal },
) => Promise<Credentials>;

/** How a login ended. */
export type LoginOutcome =
  | {
      readonly kind: 'issued';
      readonly accessToken: string;
      readonly lifetimeMs: number;
      /** Fegora's clock (`.issued`) minus ours at the answer, where it can be told. Milliseconds. */
      readonly skewMs?: number;
    }
  | {
      readonly kind: 'failed';
      readonly error: BrokerError;
      /** What Fegora knows of it: nothing was sent; it answered in full; or we cannot tell whether a login happened. */
      readonly reached: 'no' | 'answered' | 'unknown';
      /** Names the answer for counting equal ones in a row. */
      readonly answer: 'invalid_grant' | 'html_500' | 'unknown_400' | ErrorCode;
      /** Fegora's `Retry-After`, not yet capped. Milliseconds. */
      readonly retryAfterMs?: number;
    };

/**
 * Sends one password grant. `beforeFirstByte` is called once, synchronously, right before the first byte of the request
 * is written; when it throws, nothing is sent and the promise rejects with what it threw. Otherwise never rejects.
 */
export type Login = (
  credentials: Credentials,
  flight: { readonly signal: AbortSignal; readonly beforeFirstByte: () => void },
) => Promise<LoginOutcome>;

/** One conditional write that takes the right to one login. Times are epoch milliseconds. */
export interface Claim {
  /** A fresh UUID. */
  readonly owner: string;
  readonly now: number;
  readonly leaseUntil: number;
  /** Whether to remove the stored token, which has expired. */
  readonly dropToken: boolean;
  /** Set when a refused version that had logged in before is tried again: the time of the try after this one. */
  readonly nextTry?: number;
  /** Set when the stored token was reported as rejected. */
  readonly forced?: ForcedRenewals;
}

/** Every other write. `publish` and `fail` hold only for the owner of the latest claim; the rest are unconditional. */
export type Change =
  | {
      readonly kind: 'publish';
      readonly owner: string;
      readonly token: Token;
      readonly key: string;
      readonly at: number;
    }
  | ({ readonly kind: 'fail'; readonly owner: string; readonly endLease: boolean } & FailureRecord)
  | { readonly kind: 'mark'; readonly key: string; readonly nextTry?: number }
  | { readonly kind: Amendment };

/** What is kept of a login that failed; nothing where none was sent. */
interface FailureRecord {
  readonly error?: { readonly code: ErrorCode; readonly at: number };
  readonly hold?: {
    readonly retryAt: number;
    readonly code: ErrorCode;
    readonly answer: string;
    readonly failures: number;
  };
  readonly renewAt?: number;
  /** What the claim had counted or set for a login that was not sent, as it was before. */
  readonly undone?: { readonly forced?: ForcedRenewals; readonly nextTry?: number };
}

/**
 * The table that all environments share. Every function may throw BrokerError `table_unavailable` or `configuration`,
 * after which it is unknown whether a write took place.
 */
export interface TokenTable {
  /** A strongly consistent read. `at` is the table's own time, whole seconds cut off, where it told. */
  readonly read: (account: string, signal: AbortSignal) => Promise<{ readonly item: Item; readonly at?: number }>;
  /** Whether the claim is ours; only on the item as read, and on no lease that stands. */
  readonly claim: (item: Item, claim: Claim, signal: AbortSignal) => Promise<boolean>;
  /** Whether the change was made; false where another claim came in between. */
  readonly write: (account: string, change: Change, signal: AbortSignal) => Promise<boolean>;
}

/** Milliseconds that the invocation has left. */
export type Remaining = () => number;

/** How an operator changes an account's item. None touches a lease. */
export type Amendment = 'clear-rejection' | 'purge' | 'pause' | 'resume';

/** What the broker noticed, for metrics and the log. Never holds a secret or a token. */
export type Observation =
  | { readonly kind: 'login'; readonly account: string; readonly outcome: 'issued' | LoginFailure; readonly ms: number }
  | { readonly kind: 'clock_skew'; readonly account: string; readonly ms: number }
  | { readonly kind: 'failed'; readonly account: string; readonly code: ErrorCode }
  | { readonly kind: Incident; readonly account: string };

type LoginFailure = Extract<LoginOutcome, { kind: 'failed' }>['answer'];

/** Things that happen seldom and deserve a count of their own. */
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

/** Hears what the broker noticed. Must not throw. */
export type Observe = (observation: Observation) => void;
