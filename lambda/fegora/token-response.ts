// Interprets what Fegora's token endpoint answers. Called by password-grant.ts.
import type { FailedLogin, IssuedLogin } from '../broker/login/login-outcome.ts';
import { lifetimeOf, parseHttpDate } from '../broker/token.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../errors.ts';
import { membersOf, parseJson } from '../json.ts';
import { usableRefreshToken } from './refresh-grant.ts';

/** One response of Fegora's token endpoint. */
export interface TokenResponse {
  readonly status: number;
  readonly contentType?: string | undefined;
  readonly retryAfter?: string | undefined;
  /** Absent if the body was not read, because it was too long or encoded. */
  readonly body?: Uint8Array | undefined;
}

/** What the response is compared with: the user that logged in, and our clock when the response arrived. */
export interface LoginContext {
  readonly username: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whether the outcome contains the refresh token. @default false */
  readonly keepsRefreshToken?: boolean;
}

/**
 * Returns what a complete response means for the login. Of its text, the outcome contains only the access token and, if it
 * is to be kept, the refresh token. The content type of a JSON body does not matter.
 *
 * @see RFC 6749 sections 5.1 and 5.2; Fegora's page «Solicitar Token»
 */
export function interpret(response: TokenResponse, context: LoginContext): IssuedLogin | FailedLogin {
  const outcome = outcomeOf(response, context);
  return outcome.kind === 'issued' ? outcome : { ...outcome, ...retryAfterOf(response.retryAfter ?? '', context.now) };
}

function outcomeOf(response: TokenResponse, context: LoginContext): IssuedLogin | FailedLogin {
  switch (response.status) {
    case 200:
      return interpretSuccess(response, context);
    case 400:
      return interpretRefusal(response);
    default:
      return interpretStatus(response);
  }
}

function interpretSuccess(response: TokenResponse, context: LoginContext): IssuedLogin | FailedLogin {
  try {
    const members = readMembers(response);
    if (members === undefined) {
      // A page may be the one on which a person would log in.
      const isPage = /^text\/html\b/i.test(response.contentType ?? '');
      return failedLogin(unusable('it is not a JSON object'), isPage ? { answer: 'doubt' } : {});
    }
    if (members.has('error')) {
      return doubt('HTTP 200 with an error member');
    }
    assertBearer(members.get('token_type'));
    if (isOfOther(members.get('userName'), members.has('userName'), context.username)) {
      return failedLogin(unusable('it has another userName than the one that logged in'), { answer: 'other_user' });
    }
    return issuedLogin(members, context);
  } catch (thrown) {
    return failedLogin(asBrokerError(thrown));
  }
}

function issuedLogin(members: ReadonlyMap<string, unknown>, { now, keepsRefreshToken }: LoginContext): IssuedLogin {
  const accessToken = members.get('access_token');
  assertAccessToken(accessToken);
  const issued = members.get('.issued');
  const claims = { expires_in: members.get('expires_in'), '.issued': issued, '.expires': members.get('.expires') };
  const lifetimeMs = lifetimeOf(claims);
  if (lifetimeMs === undefined) {
    throw new BrokerError('upstream_invalid_response', 'the lifetime is under 5 s');
  }
  const next = keepsRefreshToken === true && usableRefreshToken(members.get('refresh_token'));
  return { kind: 'issued', accessToken, lifetimeMs, ...skewOf(issued, now), ...next };
}

function unusable(detail: string): BrokerError {
  return new BrokerError('upstream_invalid_response', `the token response is unusable: ${detail}`);
}

function assertBearer(type: unknown): void {
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    throw unusable('its token_type is not bearer');
  }
}

/** A token of another user would act in the name of the wrong taxpayer. */
function isOfOther(user: unknown, isStated: boolean, username: string): boolean {
  return isStated && (typeof user !== 'string' || user.toLowerCase() !== username.toLowerCase());
}

/** Other characters are not possible in an `Authorization` header. RFC 6750 section 2.1 allows fewer still. */
function assertAccessToken(token: unknown): asserts token is string {
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) {
    throw unusable('it has no usable access_token');
  }
}

/** `.issued` has whole seconds, so the skew may be up to a second too small. */
function skewOf(issued: unknown, now: number): { readonly skewMs?: number } {
  const at = typeof issued === 'string' ? parseHttpDate(issued) : Number.NaN;
  return Number.isNaN(at) ? {} : { skewMs: at - now };
}

/** The meaning of the `error` in a 400. With another `error`, or with none, the password may be the cause. */
const refusals: ReadonlyMap<unknown, ErrorCode> = new Map([
  ['invalid_grant', 'credentials_rejected'],
  ['invalid_clientId', 'client_rejected'],
  ['invalid_client', 'client_rejected'],
  ['unauthorized_client', 'client_rejected'],
  ['unsupported_grant_type', 'upstream_contract'],
  ['invalid_request', 'upstream_contract'],
]);

function interpretRefusal(response: TokenResponse): FailedLogin {
  const code = refusals.get(readMembers(response)?.get('error'));
  if (code === undefined) {
    return doubt('HTTP 400 with an unknown error');
  }
  const answer = code === 'credentials_rejected' ? 'invalid_grant' : code;
  return failedLogin(new BrokerError(code, 'HTTP 400'), { answer });
}

/** An answer that may mean that Fegora refused the password, and may have counted a failed login of the user. */
function doubt(detail: string): FailedLogin {
  return failedLogin(new BrokerError('upstream_rejected', detail), { answer: 'doubt' });
}

/**
 * A redirect may lead to a page on which a person would log in: the server's stack turns a 401 into one. An OAuth error
 * about the password counts with any status.
 */
function interpretStatus(response: TokenResponse): FailedLogin {
  const { status, contentType = '' } = response;
  const code = codeOfStatus(status);
  const isRefusal = readMembers(response)?.get('error') === 'invalid_grant';
  if (code === 'upstream_rejected' || code === 'upstream_redirect' || isRefusal) {
    return failedLogin(new BrokerError(code, `HTTP ${status}`), { answer: 'doubt' });
  }
  const isErrorPage = status === 500 && /^text\/html\b/i.test(contentType);
  return failedLogin(new BrokerError(code, `HTTP ${status}`), {
    // A gateway that got no response from Fegora cannot know whether the login happened.
    ...((status === 502 || status === 504) && { reached: 'unknown' }),
    ...(isErrorPage && { answer: 'html_500' }),
  });
}

/** A 4xx that says nothing about the form of the request or the number of requests may be about the password. */
function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 404:
    case 405:
    case 410:
    case 413:
    case 414:
    case 415:
    case 431:
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

/** Reads whole seconds, or a date by our clock. It ignores any other value. RFC 9110 section 10.2.3. */
function retryAfterOf(value: string, now: number): { readonly retryAfterMs?: number } {
  if (/^\d{1,12}$/.test(value)) {
    return { retryAfterMs: Number(value) * 1000 };
  }
  const at = parseHttpDate(value);
  return Number.isNaN(at) ? {} : { retryAfterMs: Math.max(0, at - now) };
}

/** A failed login. By default, Fegora `answered` and the `answer` is the code of the error. */
export function failedLogin(
  error: BrokerError,
  rest: Partial<Pick<FailedLogin, 'reached' | 'answer' | 'retryAfterMs'>> = {},
): FailedLogin {
  return { kind: 'failed', error, reached: 'answered', answer: error.code, ...rest };
}

/** The decoder drops a byte order mark, and replaces bytes that are not UTF-8 (a description in Latin-1). */
function readMembers({ body }: TokenResponse): ReadonlyMap<string, unknown> | undefined {
  return membersOf(parseJson(new TextDecoder().decode(body)));
}
