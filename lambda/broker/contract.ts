// What the broker offers to the events: types only. Implemented by broker.ts, called from ../events.

import type { ErrorCode } from '../errors.ts';
import type { Remaining } from './clock.ts';
import type { Item } from './item.ts';
import type { Amendment } from './ports.ts';
import type { Token } from './token.ts';

/** What a caller asks for. */
export interface TokenRequest {
  /** A listed account, or an id that may be an open one. */
  readonly account: string;
  /** From `min_validity`. Milliseconds, 0 or more. */
  readonly minValidityMs?: number;
  /** Fingerprint of a token that Fegora answered 401 to. */
  readonly rejected?: string;
  /** Who asks, without what callers choose themselves: renewals forced by `rejected` are counted by it. */
  readonly caller?: string;
}

/** A token, its source, and a warning if something is not as it should be. */
export interface Grant {
  readonly token: Token;
  readonly source: 'memory' | 'shared' | 'upstream';
  /** Life left, by the clock of ours that says less. Milliseconds. */
  readonly remainingMs: number;
  readonly warning?: 'min_validity_unmet' | 'renewal_failing';
}

/** What a warm-up or a verification found or did. */
export interface WarmupResult {
  readonly outcome: 'fresh' | 'renewed' | 'skipped';
  /** Epoch milliseconds; absent if there is no token. */
  readonly expiresAt?: number;
  /** If skipped: milliseconds from now after which it may be tried, as far as known. */
  readonly retryAfterMs?: number;
}

/** Everything that callers, schedules and operators can ask for. */
export interface Broker {
  /** @throws BrokerError with any code of the core: see `errors.ts` */
  readonly getToken: (request: TokenRequest, remaining: Remaining) => Promise<Grant>;
  /** Renews a token that is missing or in its renewal window. @throws BrokerError as `getToken` */
  readonly warm: (account: string, remaining: Remaining) => Promise<WarmupResult>;
  /**
   * Logs in with AWSCURRENT, unless Fegora refused that version or the stored token was issued for it. Waits until it may,
   * if enough time is left.
   *
   * @throws BrokerError as `getToken`
   */
  readonly verify: (account: string, remaining: Remaining) => Promise<WarmupResult>;
  /** @throws BrokerError `table_unavailable`, `configuration` */
  readonly status: (account: string, remaining: Remaining) => Promise<Item>;
  /**
   * Returns what is wrong with the account's secret, undefined if it can be used. Nothing is sent to Fegora. Never rejects.
   *
   * @param past whether to ask Secrets Manager whatever is remembered
   */
  readonly checkSecret: (account: string, remaining: Remaining, past?: boolean) => Promise<ErrorCode | undefined>;
  /** @throws BrokerError `table_unavailable`, `configuration`; of `reset` also `invalid_request`, `renewal_in_progress` */
  readonly amend: (account: string, amendment: Amendment, remaining: Remaining) => Promise<void>;
}
