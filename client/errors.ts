/** Codes that the broker itself answers. */
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

/** Codes that the client adds where no answer of the broker speaks. */
type ClientCode = 'broker_unreachable' | 'unexpected_answer' | 'aws_credentials';

/** Every code known when this client was written; a newer broker may send others. */
export type TokenErrorCode = BrokerCode | ClientCode | (string & {});

const keyFaults = new Set([
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
 * Whether an error of AWS or of its SDK, by its name, is about the caller's own keys.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export function isKeyFault(name: string): boolean {
  return keyFaults.has(name);
}

const networkCode = /^(ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Whether an error of the SDK is one of the network (it has a system error's code) or of the service. */
export function isOutage(cause: unknown): boolean {
  const { code, $fault } = { code: '', $fault: '', ...(typeof cause === 'object' && cause) };
  return networkCode.test(String(code)) || $fault === 'server';
}

/** What is known of a failure besides its code. */
export interface FailureDetails {
  readonly retryable?: boolean;
  readonly retryAfter?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** No token could be had. Neither the message nor any property holds a token, a password or an AWS key. */
export class TokenBrokerError extends Error {
  override readonly name = 'TokenBrokerError';
  /** The code of the broker's answer, or the client's own: no answer, an answer out of shape, no AWS credentials. */
  readonly code: TokenErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Seconds after which it may, where the broker said so. */
  readonly retryAfter: number | undefined;
  /** The request id to look for in the broker's log. */
  readonly requestId: string | undefined;

  constructor(code: TokenErrorCode, text: string, details: FailureDetails = {}) {
    super(`${code}: ${text}`, 'cause' in details ? { cause: details.cause } : {});
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
  }
}
