import { accountIdPattern } from '../config.ts';
import { BrokerError } from '../errors.ts';
import { membersOf, parseJsonObject } from '../json.ts';
import type { Serve } from './invocation.ts';
import type { Issue } from './token-request.ts';

/** What API Gateway turns into an HTTP answer. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const mostBodyBytes = 1024;
/** Base64 of the longest body. */
const mostBase64Length = Math.ceil(mostBodyBytes / 3) * 4;

const headers = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * Answers `POST /token` and `POST /token/{account}` of a REST API with proxy integration.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export function createHttp(issue: Issue, defaultAccount: string | undefined): Serve {
  return async (event, call, remaining) => {
    const members = membersOf(event) ?? new Map<string, unknown>();
    const account = readAccount(members, defaultAccount);
    const body = readBody(members.get('body'), members.get('isBase64Encoded'));
    return respond(200, await issue({ account, members: body }, call, remaining));
  };
}

/** A refusal or failure as an HTTP answer, in the shape of RFC 6749 section 5.2. */
export function httpFailure(error: BrokerError, requestId: string): HttpAnswer {
  const body = error.toBody(requestId);
  const retry = body.retry_after === undefined ? {} : { 'Retry-After': String(body.retry_after) };
  return respond(error.status, body, retry);
}

function respond(statusCode: number, body: object, more: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { statusCode, headers: { ...headers, ...more }, body: JSON.stringify(body) };
}

/**
 * The account that API Gateway's policy check was about. The path it checked and the parameter it cut out of it must
 * agree to the letter: nothing is decoded, so no spelling can mean one account to IAM and another one here.
 */
function readAccount(event: ReadonlyMap<string, unknown>, defaultAccount: string | undefined): string {
  if (event.get('httpMethod') !== 'POST' || hasMembers(event.get('queryStringParameters'))) {
    throw new BrokerError('invalid_request', 'the event is no POST without query parameters');
  }
  const path = event.get('path');
  switch (event.get('resource')) {
    case '/token':
      return readDefault(defaultAccount, endsWith(path, '/token') && !hasMembers(event.get('pathParameters')));
    case '/token/{account}':
      return readParameter(membersOf(event.get('pathParameters'))?.get('account'), path);
    default:
      throw new BrokerError('invalid_request', 'the event is of another resource');
  }
}

function readDefault(account: string | undefined, pathAgrees: boolean): string {
  if (account === undefined || !pathAgrees) {
    throw new BrokerError('invalid_account', 'the path names no account');
  }
  return account;
}

function readParameter(account: unknown, path: unknown): string {
  if (typeof account !== 'string' || !accountIdPattern.test(account) || !endsWith(path, `/token/${account}`)) {
    throw new BrokerError('invalid_account', 'the account is malformed, or path and parameter disagree');
  }
  return account;
}

/** A custom domain's base path may stand in front. */
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
    throw new BrokerError('invalid_request', 'the body is no JSON object');
  }
  return members;
}

function decode(body: string, isBase64: unknown): string {
  const bytes = isBase64 === true ? Buffer.from(body.slice(0, mostBase64Length + 1), 'base64') : Buffer.from(body);
  if (bytes.length > mostBodyBytes || (isBase64 === true && body.length > mostBase64Length)) {
    throw new BrokerError('invalid_request', 'the body is over 1 KB');
  }
  return bytes.toString();
}
