// The error that callers of the client catch, and which errors of AWS are about credentials. Used by the client and the CLI.

/** Codes in the broker's error responses. @inline */
export type BrokerCode =
  | 'invalid_request'
  | 'invalid_account'
  | 'forbidden'
  | 'unknown_account'
  | 'too_many_rejections'
  | 'throttled'
  | 'internal'
  | 'configuration'
  | 'secret_malformed'
  | 'secret_missing'
  | 'duplicate_user'
  | 'too_many_refusals'
  | 'login_budget'
  | 'credentials_missing'
  | 'credentials_rejected'
  | 'client_rejected'
  | 'upstream_contract'
  | 'upstream_rejected'
  | 'upstream_redirect'
  | 'upstream_tls'
  | 'upstream_invalid_response'
  | 'upstream_unavailable'
  | 'upstream_timeout'
  | 'upstream_throttled'
  | 'renewal_in_progress'
  | 'secret_unavailable'
  | 'table_unavailable'
  | 'paused'
  | 'deadline';

/** Codes that the client adds for failures without an error response of the broker. @inline */
type ClientCode = 'broker_unreachable' | 'unexpected_answer' | 'aws_credentials';

/** Every code that this version of the client knows. A newer broker may send other codes, so any text is possible. */
export type TokenErrorCode = BrokerCode | ClientCode | (string & {});

const credentialsErrors = new Set([
  'CredentialsProviderError',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/**
 * Returns true if the name of an error of AWS or of its SDK says that the caller's AWS keys are the problem.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export function isCredentialsError(name: string): boolean {
  return credentialsErrors.has(name);
}

/** The optional properties of a TokenBrokerError. @inline */
export interface FailureDetails {
  /** @default false */
  readonly retryable?: boolean;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** The client could not get a token. The message and the properties never contain a token, a password or an AWS key. */
export class TokenBrokerError extends Error {
  /** Identifies the error if `instanceof` cannot, for example with two copies of the client. */
  override readonly name = 'TokenBrokerError';
  /**
   * The code of the broker's error response, or a code of the client: `broker_unreachable` (no response),
   * `unexpected_answer` (not a response of a token broker) or `aws_credentials` (no valid AWS keys).
   */
  readonly code: TokenErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Seconds to wait before the next call, if the broker named a time. */
  readonly retryAfter: number | undefined;
  /** The request id to search for in the broker's log. */
  readonly requestId: string | undefined;

  /** @param text what happened, and what to do */
  constructor(code: TokenErrorCode, text: string, details: FailureDetails = {}) {
    super(`${code}: ${text}`, 'cause' in details ? { cause: details.cause } : {});
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
  }
}
