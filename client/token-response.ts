// The request to the broker and its responses: parses and checks both kinds. Called by gateway.ts, invoke.ts and the CLI.
import { createHash } from 'node:crypto';
import { TokenBrokerError } from './errors.ts';

/** The body of a token request. */
export interface TokenRequest {
  /** Whole seconds. */
  readonly min_validity?: number;
  /** SHA-256 of an access token that Fegora answered 401 to, 64 hex digits. */
  readonly rejected?: string;
}

/** The broker's token response, parsed and checked. */
export interface TokenResponse {
  readonly accessToken: string;
  /** Seconds of validity left when the broker sent the response. */
  readonly expiresIn: number;
  /** When the token expires by the broker's clock. ISO 8601, UTC. */
  readonly reportedExpiry?: string;
  readonly fingerprint: string;
  readonly account: string;
  readonly warning?: string;
}

/**
 * Sends one request to the broker.
 *
 * @throws TokenBrokerError for every error response and every failure; the signal's reason when the signal aborts
 */
export type Transport = (request: TokenRequest, signal: AbortSignal) => Promise<TokenResponse>;

/** A response that is not parsed yet. */
export interface RawResponse {
  readonly body: string;
  /** The HTTP status. A direct invocation has none. */
  readonly status?: number;
  readonly retryAfter?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What a status means if the body is not the broker's: the gateway, or something before it, sent the response. */
const failuresByStatus: Record<number, { code: string; retryable: boolean }> = {
  400: { code: 'invalid_request', retryable: false },
  403: { code: 'forbidden', retryable: false },
  413: { code: 'invalid_request', retryable: false },
  415: { code: 'invalid_request', retryable: false },
  429: { code: 'throttled', retryable: true },
  504: { code: 'deadline', retryable: true },
};

const maxExpiresInSeconds = 30 * 24 * 3600;
const maxRetryAfterSeconds = 300;

/**
 * Parses a token response. `expiresIn` is at most 30 days.
 *
 * @param expectedAccount the account of the request; undefined if the request was for the broker's default account
 * @throws TokenBrokerError `unexpected_answer` if the body is not a token response, if its fingerprint does not match
 *   its token, or if it is for another account
 */
export function parseTokenResponse(raw: RawResponse, expectedAccount: string | undefined): TokenResponse {
  const body = parseJson(raw.body);
  if (!isObject(body) || !isTokenText(body.access_token) || !isSeconds(body.expires_in)) {
    throw unexpected(raw);
  }
  const fingerprint = createHash('sha256').update(body.access_token).digest('hex');
  const { account } = body;
  if (body.token_sha256 !== fingerprint || typeof account !== 'string' || account !== (expectedAccount ?? account)) {
    throw unexpected(raw);
  }
  return {
    accessToken: body.access_token,
    expiresIn: Math.min(body.expires_in, maxExpiresInSeconds),
    ...(isTime(body.expires_at) && { reportedExpiry: body.expires_at }),
    fingerprint,
    account,
    ...(typeof body.warning === 'string' && { warning: body.warning }),
  };
}

/** Parses an error response: by its body if that is the broker's, otherwise by its status. `retryAfter` is 300 s at most. */
export function parseErrorResponse(raw: RawResponse): TokenBrokerError {
  const body = parseJson(raw.body);
  if (!isObject(body) || typeof body.error !== 'string' || typeof body.retryable !== 'boolean') {
    return failureOfStatus(raw);
  }
  const text = typeof body.error_description === 'string' ? body.error_description : 'The broker refused.';
  return new TokenBrokerError(body.error, text + memberAtFault(body, text), {
    retryable: body.retryable,
    retryAfter: isSeconds(body.retry_after) ? Math.min(body.retry_after, maxRetryAfterSeconds) : undefined,
    requestId: typeof body.request_id === 'string' ? body.request_id : raw.requestId,
  });
}

/** The member of the request that the broker names, unless its text has it already. */
function memberAtFault({ member }: Record<string, unknown>, text: string): string {
  const isNamed = typeof member === 'string' && /^[A-Za-z_][\w-]{0,31}$/.test(member) && !text.includes(member);
  return isNamed ? ` The member is ${member}.` : '';
}

/**
 * Parses the payload that Lambda returns if the function threw: `errorMessage` holds the broker's error body.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export function parseFunctionError(raw: RawResponse): TokenBrokerError {
  const thrown = parseJson(raw.body);
  const message = isObject(thrown) ? thrown.errorMessage : undefined;
  return parseErrorResponse({ ...raw, body: typeof message === 'string' ? message : '' });
}

function failureOfStatus({ status = 500, retryAfter = '', requestId }: RawResponse): TokenBrokerError {
  const failure = failuresByStatus[status] ?? (status >= 500 ? { code: 'internal', retryable: false } : undefined);
  if (failure === undefined) {
    return unexpected({ body: '', requestId });
  }
  const text = `The request was refused with status ${status}, but not by the broker.${status === 403 ? ' Look for a proxy or a firewall.' : ''}`;
  return new TokenBrokerError(failure.code, text, {
    retryable: failure.retryable,
    retryAfter: /^\d{1,6}$/.test(retryAfter) ? Math.min(Number(retryAfter), maxRetryAfterSeconds) : undefined,
    requestId,
  });
}

function unexpected({ requestId }: RawResponse): TokenBrokerError {
  const text = 'Not a response of a token broker for this account. Check endpoint and account.';
  return new TokenBrokerError('unexpected_answer', text, { requestId });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/**
 * Only characters that are safe in a header: a superset of the characters that a bearer token may have.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 */
function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z$/.test(value) && !Number.isNaN(Date.parse(value));
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
