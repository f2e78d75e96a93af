import { createHash } from 'node:crypto';
import { TokenBrokerError } from './errors.ts';

/** The body of a token request. */
export interface Question {
  /** Whole seconds. */
  readonly min_validity?: number;
  /** SHA-256 of an access token that Fegora answered 401 to, 64 hex digits. */
  readonly rejected?: string;
}

/** The broker's token response, checked. */
export interface Answer {
  readonly accessToken: string;
  /** Whole seconds of life left when the broker answered. */
  readonly expiresIn: number;
  readonly fingerprint: string;
  readonly account: string;
  readonly warning?: string;
}

/**
 * Asks the broker once.
 *
 * @throws TokenBrokerError for every refusal and failure; the signal's reason when it aborts
 */
export type Ask = (question: Question, signal: AbortSignal) => Promise<Answer>;

/** A response before it is believed: the body's text and what else may tell what went wrong. */
export interface Reply {
  readonly body: string;
  /** The HTTP status; none where the broker was invoked directly. */
  readonly status?: number;
  readonly retryAfter?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What a refusal means that is not in the broker's words: it came from the gateway or from something before it. */
const meanings: Record<number, { code: string; retryable: boolean }> = {
  400: { code: 'invalid_request', retryable: false },
  403: { code: 'forbidden', retryable: false },
  413: { code: 'invalid_request', retryable: false },
  415: { code: 'invalid_request', retryable: false },
  429: { code: 'throttled', retryable: true },
  504: { code: 'deadline', retryable: true },
};

const longestLifeSeconds = 30 * 24 * 3600;
const longestPauseSeconds = 300;

/**
 * Reads a token response.
 *
 * @param asked the account that was asked for; the broker's default one where absent
 * @throws TokenBrokerError `unexpected_answer` where it is not one, its fingerprint is not its token's, or its account
 *   not the one that was asked for
 */
export function readToken(reply: Reply, asked: string | undefined): Answer {
  const body = parseJson(reply.body);
  if (!isObject(body) || !isTokenText(body.access_token) || !isSeconds(body.expires_in)) {
    throw unexpected(reply);
  }
  const fingerprint = createHash('sha256').update(body.access_token).digest('hex');
  const { account } = body;
  if (body.token_sha256 !== fingerprint || typeof account !== 'string' || account !== (asked ?? account)) {
    throw unexpected(reply);
  }
  return {
    accessToken: body.access_token,
    expiresIn: Math.min(body.expires_in, longestLifeSeconds),
    fingerprint,
    account,
    ...(typeof body.warning === 'string' && { warning: body.warning }),
  };
}

/** Reads a refusal: in the broker's own words where the body is of their shape, by its status where it is not. */
export function readFailure(reply: Reply): TokenBrokerError {
  const body = parseJson(reply.body);
  if (!isObject(body) || typeof body.error !== 'string' || typeof body.retryable !== 'boolean') {
    return unspoken(reply);
  }
  const text = typeof body.error_description === 'string' ? body.error_description : 'The broker refused.';
  return new TokenBrokerError(body.error, text, {
    retryable: body.retryable,
    retryAfter: isSeconds(body.retry_after) ? Math.min(body.retry_after, longestPauseSeconds) : undefined,
    requestId: typeof body.request_id === 'string' ? body.request_id : reply.requestId,
  });
}

/**
 * The broker's words in an error that Lambda passed on: they are its message.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export function readThrown(reply: Reply): TokenBrokerError {
  const thrown = parseJson(reply.body);
  const message = isObject(thrown) ? thrown.errorMessage : undefined;
  return readFailure({ ...reply, body: typeof message === 'string' ? message : '' });
}

function unspoken({ status = 500, retryAfter = '', requestId }: Reply): TokenBrokerError {
  const meaning = meanings[status] ?? (status >= 500 ? { code: 'internal', retryable: false } : undefined);
  if (meaning === undefined) {
    return unexpected({ body: '', requestId });
  }
  return new TokenBrokerError(meaning.code, `Refused with status ${status}, by something other than the broker.`, {
    retryable: meaning.retryable,
    retryAfter: /^\d{1,6}$/.test(retryAfter) ? Math.min(Number(retryAfter), longestPauseSeconds) : undefined,
    requestId,
  });
}

function unexpected({ requestId }: Reply): TokenBrokerError {
  return new TokenBrokerError('unexpected_answer', 'The answer is not of the form a token broker gives.', {
    requestId,
  });
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

/** The characters a bearer token may hold, and so those that are safe in a header. RFC 6750 section 2.1 */
function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
