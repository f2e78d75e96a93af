/**
 * What API Gateway says when it refuses a call itself. Pure data, so that the local gateway can say the very same.
 * The texts are those of the function's own error table; a test holds the two together.
 */

/** One answer: the gateway's own condition, the contract's code and whether trying again may help. */
export interface Refusal {
  /** Name of API Gateway's response type. */
  readonly type: string;
  readonly code: 'forbidden' | 'invalid_request' | 'throttled' | 'deadline' | 'internal';
  /** HTTP status; absent where one entry stands for many and each keeps its own. */
  readonly status?: number;
}

const texts = {
  forbidden: { text: 'The caller may not do this.', retryable: false },
  invalid_request: { text: 'The request is not of the form this API takes.', retryable: false },
  throttled: { text: 'Too many requests.', retryable: true },
  deadline: { text: 'Too little time was left to log in.', retryable: true },
  internal: { text: 'The broker failed.', retryable: false },
} as const;

/**
 * Every response type that this API can give.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
export const refusals: readonly Refusal[] = [
  { type: 'ACCESS_DENIED', code: 'forbidden', status: 403 },
  { type: 'EXPIRED_TOKEN', code: 'forbidden', status: 403 },
  { type: 'INVALID_API_KEY', code: 'forbidden', status: 403 },
  { type: 'INVALID_SIGNATURE', code: 'forbidden', status: 403 },
  { type: 'MISSING_AUTHENTICATION_TOKEN', code: 'forbidden', status: 403 },
  { type: 'UNAUTHORIZED', code: 'forbidden', status: 403 },
  { type: 'WAF_FILTERED', code: 'forbidden', status: 403 },
  { type: 'RESOURCE_NOT_FOUND', code: 'forbidden', status: 403 },
  { type: 'BAD_REQUEST_BODY', code: 'invalid_request', status: 400 },
  { type: 'BAD_REQUEST_PARAMETERS', code: 'invalid_request', status: 400 },
  { type: 'REQUEST_TOO_LARGE', code: 'invalid_request', status: 413 },
  { type: 'UNSUPPORTED_MEDIA_TYPE', code: 'invalid_request', status: 415 },
  { type: 'QUOTA_EXCEEDED', code: 'throttled', status: 429 },
  { type: 'THROTTLED', code: 'throttled', status: 429 },
  { type: 'INTEGRATION_TIMEOUT', code: 'deadline', status: 504 },
  { type: 'INTEGRATION_FAILURE', code: 'internal', status: 502 },
  { type: 'API_CONFIGURATION_ERROR', code: 'internal', status: 500 },
  { type: 'AUTHORIZER_CONFIGURATION_ERROR', code: 'internal', status: 500 },
  { type: 'AUTHORIZER_FAILURE', code: 'internal', status: 500 },
  { type: 'DEFAULT_4XX', code: 'forbidden' },
  { type: 'DEFAULT_5XX', code: 'internal' },
];

/** The headers every refusal carries, `Retry-After` (seconds) where trying again may help. */
export function refusalHeaders(refusal: Refusal): Readonly<Record<string, string>> {
  return {
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...(texts[refusal.code].retryable && { 'Retry-After': '1' }),
  };
}

/** The body of a refusal, in the shape of RFC 6749 section 5.2 that the function's own errors have. */
export function refusalBody(refusal: Refusal, requestId: string): string {
  const { text, retryable } = texts[refusal.code];
  return JSON.stringify({
    error: refusal.code,
    error_description: text,
    retryable,
    ...(retryable && { retry_after: 1 }),
    request_id: requestId,
  });
}
