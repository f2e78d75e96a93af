import type { ErrorCode } from './errors.ts';
import type { Token } from './token.ts';

/**
 * What all environments know together of one account: the shared table's item, parsed. Times are epoch milliseconds.
 */
export interface Item {
  readonly account: string;
  /** Grows by one at every write; 0 where there is no item yet. */
  readonly revision: number;
  /** UUID of the latest claim; stands on after its lease has ended. */
  readonly owner?: string;
  /** End of the latest claim's lease; 0 where it was ended. */
  readonly leaseUntil: number;
  readonly token?: Token;
  readonly retryAt?: number;
  readonly retryCode?: ErrorCode;
  /** The answer of the latest failed login, and how often in a row it came. */
  readonly failedAnswer?: string;
  readonly failures: number;
  /** Credential keys that Fegora refused (`credentialKey`). */
  readonly marks: ReadonlySet<string>;
  /** When a marked version that had logged in before may be tried again. */
  readonly nextTry?: number;
  /** The credential key that logged in last. */
  readonly proven?: string;
  /** No renewal in the window before this time. */
  readonly renewAt?: number;
  readonly forcedCount: number;
  readonly forcedSince: number;
  readonly paused: boolean;
  readonly lastLogin?: number;
  /** Lifetime of the token of that login. Milliseconds. */
  readonly lastLifetimeMs?: number;
  readonly lastError?: { readonly code: ErrorCode; readonly at: number };
}
