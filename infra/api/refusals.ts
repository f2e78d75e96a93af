// The answers of API Gateway when it refuses a call itself. Called by gateway-responses.ts and the local gateway.

/** One answer of API Gateway: its response type, the error code of our contract and the status. */
export interface Refusal {
  /** Name of the response type in API Gateway. */
  readonly type: string;
  readonly code: 'forbidden' | 'invalid_request' | 'throttled' | 'deadline' | 'internal';
  /** HTTP status. Undefined if the entry covers several conditions, each with its own status. */
  readonly status?: number;
  /** What was checked, and what to do. @default the text of the code */
  readonly text?: string;
}

/** The texts of the codes are those of lambda/errors.ts. A test compares the two. */
const texts = {
  forbidden: { text: 'The caller may not do this.', retryable: false },
  invalid_request: { text: 'The request is not of the form this API takes.', retryable: false },
  throttled: { text: 'Too many requests.', retryable: true },
  deadline: { text: 'Too little time was left to log in.', retryable: true },
  internal: { text: 'The broker failed.', retryable: false },
} as const;

const seeType = 'The header x-amzn-ErrorType says which.';

/**
 * Every response type that API Gateway can give for this API.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
export const refusals: readonly Refusal[] = [
  {
    type: 'ACCESS_DENIED',
    code: 'forbidden',
    status: 403,
    // AWS documents both types for an unknown access key.
    text: `IAM does not permit this call (AccessDeniedException), or AWS does not know the access key. ${seeType}`,
  },
  {
    type: 'EXPIRED_TOKEN',
    code: 'forbidden',
    status: 403,
    text: 'The session of the AWS keys has expired. Log in to AWS again.',
  },
  { type: 'INVALID_API_KEY', code: 'forbidden', status: 403 },
  {
    type: 'INVALID_SIGNATURE',
    code: 'forbidden',
    status: 403,
    text: 'AWS does not accept the signature. Check the secret key, the region, the service execute-api and the clock.',
  },
  {
    type: 'MISSING_AUTHENTICATION_TOKEN',
    code: 'forbidden',
    status: 403,
    text: 'The call is not signed, or the API has no such method and path: POST /token or POST /token/{account}.',
  },
  { type: 'UNAUTHORIZED', code: 'forbidden', status: 403 },
  { type: 'WAF_FILTERED', code: 'forbidden', status: 403, text: 'A rule of AWS WAF refused the call.' },
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
  {
    type: 'DEFAULT_4XX',
    code: 'forbidden',
    text: `AWS refused the call: its keys, its signature or its form. ${seeType}`,
  },
  { type: 'DEFAULT_5XX', code: 'internal' },
];

/** Returns the headers of a refusal. `Retry-After` (seconds) is only there if a retry may help. */
export function refusalHeaders(refusal: Refusal): Readonly<Record<string, string>> {
  return {
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...(texts[refusal.code].retryable && { 'Retry-After': '1' }),
  };
}

/**
 * Returns the body of a refusal as JSON. It has the same members as an error of the function.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function refusalBody(refusal: Refusal, requestId: string): string {
  const { text, retryable } = texts[refusal.code];
  return JSON.stringify({
    error: refusal.code,
    error_description: refusal.text ?? text,
    retryable,
    ...(retryable && { retry_after: 1 }),
    request_id: requestId,
  });
}
