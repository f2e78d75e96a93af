// Answers HTTP requests that API Gateway passes on. Called by router.ts.
import { BrokerError, invalidRequest } from '../errors.ts';
import { membersOf, parseJsonObject } from '../json.ts';
import type { EventHandler } from './invocation.ts';
import { type IssueToken, mostBodyBytes } from './token-request.ts';

/** What API Gateway turns into an HTTP response. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The length of the longest body in Base64. */
const mostBase64Length = Math.ceil(mostBodyBytes / 3) * 4;

const commonHeaders = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * Answers `POST /token` and `POST /token/{account}` of a REST API with proxy integration.
 *
 * @throws BrokerError `invalid_request`, `invalid_account`, and what `IssueToken` throws
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export function createHttpHandler(issueToken: IssueToken): (...call: Parameters<EventHandler>) => Promise<HttpAnswer> {
  return async (event, invocation, remaining) => {
    const members = membersOf(event) ?? new Map<string, unknown>();
    const account = authorizedAccount(members, invocation.account);
    const body = readBody(members.get('body'), members.get('isBase64Encoded'));
    return respond(200, await issueToken({ account, body }, invocation, remaining));
  };
}

/** A refusal or failure as an HTTP answer, in the form of RFC 6749 section 5.2. */
export function httpFailure(error: BrokerError, requestId: string): HttpAnswer {
  const body = error.toBody(requestId);
  const retry = body.retry_after === undefined ? {} : { 'Retry-After': String(body.retry_after) };
  return respond(error.status, body, retry);
}

function respond(statusCode: number, body: object, more: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { statusCode, headers: { ...commonHeaders, ...more }, body: JSON.stringify(body) };
}

/**
 * Returns the account for which IAM authorized the caller. IAM checked the path. The path and the parameter that API
 * Gateway cut out of it must be equal, byte by byte. Nothing is decoded, so no spelling of a path can mean one account
 * to IAM and another account here.
 */
function authorizedAccount(event: ReadonlyMap<string, unknown>, account: string | undefined): string {
  if (event.get('httpMethod') !== 'POST' || hasMembers(event.get('queryStringParameters'))) {
    throw invalidRequest('it is not a POST without query parameters');
  }
  const path = event.get('path');
  switch (event.get('resource')) {
    case '/token':
      return agreed(account, endsWith(path, '/token') && !hasMembers(event.get('pathParameters')));
    case '/token/{account}':
      return agreed(account, endsWith(path, `/token/${account}`));
    default:
      throw invalidRequest('it is for another resource');
  }
}

function agreed(account: string | undefined, isPathEqual: boolean): string {
  if (account === undefined || !isPathEqual) {
    throw new BrokerError('invalid_account', 'the account is absent or malformed, or the path names another one');
  }
  return account;
}

/** The base path of a custom domain may precede `end`. */
function endsWith(path: unknown, end: string): boolean {
  return typeof path === 'string' && path.endsWith(end);
}

function hasMembers(value: unknown): boolean {
  return value !== undefined && value !== null && membersOf(value)?.size !== 0;
}

function readBody(body: unknown, isBase64: unknown): ReadonlyMap<string, unknown> {
  if (body === undefined || body === null || body === '') {
    return new Map();
  }
  const members = typeof body === 'string' ? parseJsonObject(decode(body, isBase64)) : undefined;
  if (members === undefined) {
    throw invalidRequest('the body is not a JSON object that names each member once');
  }
  return members;
}

function decode(body: string, isBase64: unknown): string {
  const bytes = isBase64 === true ? Buffer.from(body.slice(0, mostBase64Length + 1), 'base64') : Buffer.from(body);
  if (bytes.length > mostBodyBytes || (isBase64 === true && body.length > mostBase64Length)) {
    throw invalidRequest('the body is over 1 KB');
  }
  return bytes.toString();
}
