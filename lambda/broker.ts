import type { BrokerError, ErrorCode } from './errors.ts';
import type { Item } from './item.ts';
import type { Token } from './token.ts';

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

export interface TokenRequest {
  /** A configured account. */
  readonly account: string;
  /** Asked for by `min_validity`. Milliseconds, 0 or more. */
  readonly minValidityMs?: number;
  /** Fingerprint of a token that Fegora answered 401 to. */
  readonly rejected?: string;
}

/** A token, where it came from, and what is not as it should be. */
export interface Grant {
  readonly token: Token;
  readonly source: 'memory' | 'shared' | 'upstream';
  readonly warning?: 'min_validity_unmet' | 'renewal_failing';
}

/** What a warm-up or a verification found or did. */
export interface Upkeep {
  readonly outcome: 'fresh' | 'renewed' | 'skipped';
  /** Epoch milliseconds; absent where there is no token. */
  readonly expiresAt?: number;
}

/** How an operator changes an account's item. None touches a lease. */
export type Amendment = 'clear-rejection' | 'purge' | 'pause' | 'resume';

/** Milliseconds that the invocation has left. */
export type Remaining = () => number;

/** Everything that callers, schedules and operators can ask for. All throw BrokerError and nothing else. */
export interface Broker {
  readonly getToken: (request: TokenRequest, remaining: Remaining) => Promise<Grant>;
  /** Renews a token that is missing or in its renewal window. */
  readonly warm: (account: string, remaining: Remaining) => Promise<Upkeep>;
  /** Logs in with AWSCURRENT if that version is neither marked nor the one that issued the stored token. */
  readonly verify: (account: string, remaining: Remaining) => Promise<Upkeep>;
  readonly status: (account: string, remaining: Remaining) => Promise<Item>;
  readonly amend: (account: string, amendment: Amendment, remaining: Remaining) => Promise<void>;
}

/** What the broker noticed, for metrics and the log. Never holds a secret or a token. */
export type Observation =
  | { readonly kind: 'login'; readonly account: string; readonly outcome: 'issued' | LoginFailure; readonly ms: number }
  | {
      readonly kind: 'served';
      readonly account: string;
      readonly source: Grant['source'];
      readonly remainingMs: number;
    }
  | { readonly kind: 'clock_skew'; readonly account: string; readonly ms: number }
  | { readonly kind: 'failed'; readonly account: string; readonly code: ErrorCode; readonly answer?: string }
  | { readonly kind: Incident; readonly account: string };

type LoginFailure = Extract<LoginOutcome, { kind: 'failed' }>['answer'];

/** Things that happen seldom and deserve a count of their own. */
export type Incident =
  | 'guard_expired'
  | 'item_malformed'
  | 'token_malformed'
  | 'table_unavailable'
  | 'login_without_table'
  | 'publish_refused'
  | 'mark_unwritten'
  | 'retry_held'
  | 'html_500_repeated';

export type Observe = (observation: Observation) => void;
