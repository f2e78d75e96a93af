// How a login ended, and what kind of failure that was. Shared by the Login port, the back-off and the records.
import type { BrokerError, ErrorCode } from '../../errors.ts';

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
  /** What can renew the token once without the password; only if tokens are renewed so, and Fegora gave one. */
  readonly refreshToken?: string;
  /** Fegora's clock (`.issued`) minus ours at the answer; absent if the answer does not say. Milliseconds. */
  readonly skewMs?: number;
}

/** A login that brought no token. */
export interface FailedLogin {
  readonly kind: 'failed';
  readonly error: BrokerError;
  /** What Fegora knows of the login: nothing was sent; Fegora answered in full; or it is unknown whether Fegora got it. */
  readonly reached: 'no' | 'answered' | 'unknown';
  /**
   * Names the answer, so that equal answers in a row can be counted. `invalid_grant`: Fegora refused the password.
   * `doubt`: the answer may mean that. `other_user`: the token is another user's.
   */
  readonly answer: 'invalid_grant' | 'doubt' | 'html_500' | 'other_user' | ErrorCode;
  /** Fegora's `Retry-After` with any status, without a cap. Milliseconds. */
  readonly retryAfterMs?: number;
}
