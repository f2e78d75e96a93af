import type { LoginOutcome } from '../broker/ports.ts';
import { lifetimeOf, parseHttpDate } from '../broker/token.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../errors.ts';
import { membersOf } from '../json.ts';

/** One answer of Fegora's token endpoint. */
export interface TokenResponse {
  readonly status: number;
  readonly contentType?: string | undefined;
  readonly retryAfter?: string | undefined;
  /** Absent where it was too long or encoded, and so was not read. */
  readonly body?: Uint8Array | undefined;
}

/** What the answer is held against: who asked, and our own clock when it came. */
export interface Asked {
  readonly username: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

type Failed = Extract<LoginOutcome, { kind: 'failed' }>;

/**
 * What a complete answer means for a login. Nothing of its text gets into the outcome but the access token, and the
 * refresh token is left where it is.
 *
 * @see RFC 6749 sections 5.1 and 5.2; Fegora's page «Solicitar Token»
 */
export function interpret(response: TokenResponse, asked: Asked): LoginOutcome {
  switch (response.status) {
    case 200:
      return interpretSuccess(response, asked);
    case 400:
      return interpretRefusal(response);
    default:
      return interpretStatus(response, asked.now);
  }
}

function interpretSuccess(response: TokenResponse, asked: Asked): LoginOutcome {
  try {
    const members = readMembers(response);
    if (members === undefined) {
      throw unusable('no JSON object');
    }
    if (members.has('error')) {
      throw unusable('an error member');
    }
    assertBearer(members.get('token_type'));
    assertUser(members.get('userName'), members.has('userName'), asked.username);
    const accessToken = members.get('access_token');
    assertAccessToken(accessToken);
    const issued = members.get('.issued');
    const claims = { expires_in: members.get('expires_in'), '.issued': issued, '.expires': members.get('.expires') };
    const lifetimeMs = lifetimeOf(claims);
    return { kind: 'issued', accessToken, lifetimeMs, ...skewOf(issued, asked.now) };
  } catch (thrown) {
    return failed(asBrokerError(thrown));
  }
}

function unusable(detail: string): BrokerError {
  return new BrokerError('upstream_invalid_response', `a token response with ${detail}`);
}

function assertBearer(type: unknown): void {
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    throw unusable('another token_type than bearer');
  }
}

/** A token for somebody else would be used in the wrong taxpayer's name. */
function assertUser(user: unknown, stated: boolean, username: string): void {
  if (stated && (typeof user !== 'string' || user.toLowerCase() !== username.toLowerCase())) {
    throw unusable('another userName');
  }
}

/** Anything else could not stand in an `Authorization` header. RFC 6750 section 2.1 allows less still. */
function assertAccessToken(token: unknown): asserts token is string {
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) {
    throw unusable('no usable access_token');
  }
}

/** `.issued` has whole seconds, so the skew is up to a second too small. */
function skewOf(issued: unknown, now: number): { readonly skewMs?: number } {
  const at = typeof issued === 'string' ? parseHttpDate(issued) : Number.NaN;
  return Number.isNaN(at) ? {} : { skewMs: at - now };
}

/** What the `error` of a 400 stands for. Any other, or none, may yet be about the password. */
const refusals: ReadonlyMap<unknown, ErrorCode> = new Map([
  ['invalid_grant', 'credentials_rejected'],
  ['invalid_clientId', 'client_rejected'],
  ['invalid_client', 'client_rejected'],
  ['unauthorized_client', 'client_rejected'],
  ['unsupported_grant_type', 'upstream_contract'],
  ['invalid_request', 'upstream_contract'],
]);

function interpretRefusal(response: TokenResponse): Failed {
  const code = refusals.get(readMembers(response)?.get('error'));
  if (code === undefined) {
    return failed(new BrokerError('upstream_rejected', 'HTTP 400 for an unknown reason'), { answer: 'unknown_400' });
  }
  const answer = code === 'credentials_rejected' ? 'invalid_grant' : code;
  return failed(new BrokerError(code, 'HTTP 400'), { answer });
}

function interpretStatus(response: TokenResponse, now: number): Failed {
  const { status } = response;
  const error = new BrokerError(codeOf(status), `HTTP ${status}`);
  const isErrorPage = status === 500 && /^text\/html\b/i.test(response.contentType ?? '');
  return failed(error, {
    // A gateway that got no answer cannot know what became of the login behind it.
    ...((status === 502 || status === 504) && { reached: 'unknown' }),
    ...(isErrorPage && { answer: 'html_500' }),
    ...(error.retryable && retryAfterOf(response.retryAfter ?? '', now)),
  });
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 404:
    case 405:
    case 410:
    case 415:
      return 'upstream_contract';
    case 408:
    case 425:
    case 429:
      return 'upstream_throttled';
    default:
      return codeOfClass(Math.floor(status / 100));
  }
}

function codeOfClass(hundreds: number): ErrorCode {
  switch (hundreds) {
    case 3:
      return 'upstream_redirect';
    case 4:
      return 'upstream_rejected';
    case 5:
      return 'upstream_unavailable';
    default:
      return 'upstream_invalid_response';
  }
}

/**
 * Whole seconds, or a date by our clock; anything else is as if it were not there. RFC 9110 section 10.2.3.
 */
function retryAfterOf(value: string, now: number): { readonly retryAfterMs?: number } {
  if (/^\d{1,12}$/.test(value)) {
    return { retryAfterMs: Number(value) * 1000 };
  }
  const at = parseHttpDate(value);
  return Number.isNaN(at) ? {} : { retryAfterMs: Math.max(0, at - now) };
}

function failed(error: BrokerError, rest: Partial<Pick<Failed, 'reached' | 'answer' | 'retryAfterMs'>> = {}): Failed {
  return { kind: 'failed', error, reached: 'answered', answer: error.code, ...rest };
}

/** A byte order mark is dropped, and bytes that are no UTF-8 (a description in Latin-1) do not spoil the rest. */
function readMembers({ body }: TokenResponse): ReadonlyMap<string, unknown> | undefined {
  try {
    return membersOf(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    // Errors of JSON.parse quote the text.
    return undefined;
  }
}
