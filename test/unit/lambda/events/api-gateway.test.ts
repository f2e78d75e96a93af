// HTTP requests from API Gateway, with a fake broker.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../../../lambda/errors.ts';
import { createHttpHandler, httpFailure } from '../../../../lambda/events/api-gateway.ts';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { createIssueToken } from '../../../../lambda/events/token-request.ts';
import { grant, recordReports, servingBroker, token } from '../../../support/events/broker.ts';
import { foreignEvents, type HttpCall, httpEvent, lambdaContext } from '../../../support/events/events.ts';

const configured = new Set(['one', 'two']);

function handlerFor(given = grant, defaultAccount: string | undefined = 'one') {
  const { broker, requests } = servingBroker(given);
  const reports = recordReports();
  const isConfigured = (account: string) => configured.has(account);
  const issueToken = createIssueToken({ broker, isConfigured, report: reports.report });
  const handle = createHttpHandler(issueToken);
  const send = (event: unknown) =>
    handle(event, describeInvocation(event, lambdaContext('http'), defaultAccount), () => 25_000);
  return { send, requests, reports };
}

/** The code with which the handler refuses an event. It must not call the broker. */
async function refusalOf(event: unknown): Promise<string> {
  const { send, requests } = handlerFor();
  const refusal = await send(event).then(
    () => 'served',
    (error) => (error instanceof BrokerError ? error.code : 'no BrokerError'),
  );
  expect(requests).toEqual([]);
  return refusal;
}

const body = (text: string) => httpEvent({ account: 'one', body: text });
const base64 = (text: string) => httpEvent({ account: 'one', body: btoa(text), event: { isBase64Encoded: true } });

describe('an HTTP request', () => {
  it('answers with the token and the life that it has left', async () => {
    const { send } = handlerFor();
    const answer = await send(httpEvent({ account: 'two' }));
    expect(answer).toEqual({
      statusCode: 200,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        Pragma: 'no-cache',
        'X-Content-Type-Options': 'nosniff',
      },
      body: JSON.stringify({
        access_token: 'not-a-real-token',
        token_type: 'bearer',
        expires_in: 1699,
        expires_at: '2026-11-24T12:28:19.500Z',
        account: 'two',
        token_sha256: token.fingerprint,
        source: 'memory',
      }),
    });
  });

  it('answers with the source and the warning of the grant', async () => {
    const { send } = handlerFor({ ...grant, source: 'shared', warning: 'renewal_failing' });
    expect(await send(httpEvent())).toMatchObject({
      body: expect.stringContaining('"source":"shared","warning":"renewal_failing"'),
    });
  });

  it('answers without the token when the request wants metadata', async () => {
    const { send } = handlerFor();
    const answer = await send(body('{"want":"metadata"}'));
    expect(JSON.stringify(answer)).not.toMatch(/access_token|not-a-real-token/);
  });

  it.each<[string, HttpCall, object]>([
    ['the default account', {}, { account: 'one' }],
    ['the account of the path', { account: 'two' }, { account: 'two' }],
    ['a token, with an empty body', { account: 'two', body: '' }, { account: 'two' }],
    ['a token, with an empty object', { account: 'two', body: ' {} ' }, { account: 'two' }],
    [
      'a token, with all members',
      { account: 'two', body: JSON.stringify({ min_validity: 1.5, rejected: token.fingerprint, want: 'token' }) },
      { account: 'two', minValidityMs: 1500, rejected: token.fingerprint },
    ],
    [
      'another token, by a fingerprint in capitals',
      { account: 'two', body: JSON.stringify({ rejected: token.fingerprint.toUpperCase() }) },
      { account: 'two', rejected: token.fingerprint },
    ],
    [
      'a token with a min_validity of 0',
      { account: 'two', body: '{"min_validity":0}' },
      { account: 'two', minValidityMs: 0 },
    ],
    [
      'a token, with a body in Base64',
      { account: 'two', body: btoa('{"min_validity":60}'), event: { isBase64Encoded: true } },
      { account: 'two', minValidityMs: 60_000 },
    ],
    [
      'a token, under the base path of a custom domain',
      { account: 'two', event: { path: '/fegora/token/two' } },
      { account: 'two' },
    ],
  ])('passes a request for %s to the broker', async (_name, httpCall, request) => {
    const { send, requests } = handlerFor();
    await send(httpEvent(httpCall));
    expect(requests).toEqual([
      { ...request, caller: describeInvocation(httpEvent(httpCall), lambdaContext('http'), 'one').callerRole },
    ]);
  });

  it.each([
    ['{"min_validity":"60"}', 'min_validity'],
    ['{"rejected":1}', 'rejected'],
    ['{"want":"everything"}', 'want'],
    ['{"minValidity":60}', 'minValidity'],
  ])('promise 62: names the member that is wrong in %s', async (text, member) => {
    const { send } = handlerFor();
    const error = await send(body(text)).catch((thrown) => thrown);
    const answer = httpFailure(error, 'request-1');
    expect(JSON.parse(answer.body)).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining(member),
      member,
    });
  });

  it('accepts a body of 1 KB and refuses a longer one, counted in bytes after decoding', async () => {
    const longest = `{"min_validity":1${' '.repeat(1024 - 18)}}`;
    expect(longest).toHaveLength(1024);
    const { send, requests } = handlerFor();
    await send(body(longest));
    await send(base64(longest));
    expect(requests).toHaveLength(2);
    expect(await refusalOf(body(`${longest} `))).toBe('invalid_request');
    expect(await refusalOf(base64(`${longest} `))).toBe('invalid_request');
    expect(await refusalOf(body(`{"want":"${'é'.repeat(600)}"}`))).toBe('invalid_request');
  });
});

describe('a body in Base64', () => {
  const stuffed = (length: number) =>
    httpEvent({ account: 'one', body: btoa('{}').padEnd(length), event: { isBase64Encoded: true } });

  it('accepts Base64 as long as that of 1 KB, padded with white space', async () => {
    const { send, requests } = handlerFor();
    await send(stuffed(1368));
    expect(requests).toHaveLength(1);
  });

  it('refuses longer Base64 even when it decodes to less than 1 KB', async () => {
    expect(await refusalOf(stuffed(1369))).toBe('invalid_request');
  });
});

describe('a refused HTTP request', () => {
  it.each<[string, string]>([
    ['text that is not JSON', 'min_validity=1'],
    ['cut JSON', '{"min_validity":1'],
    ['null', 'null'],
    ['a string', '"token"'],
    ['a number', '1'],
    ['an array', '[]'],
    ['an array of bodies', '[{"min_validity":1}]'],
    ['an unknown member', '{"account":"two"}'],
    ['a member named twice', '{"min_validity":1,"min_validity":2}'],
    ['a member named twice, once with an escape', '{"min_validity":1,"min\\u005fvalidity":2}'],
    ['a prototype key', '{"__proto__":{"want":"token"}}'],
    ['a constructor', '{"constructor":{"prototype":{}}}'],
    ['a negative validity', '{"min_validity":-1}'],
    ['a validity that is a string', '{"min_validity":"60"}'],
    ['an infinite validity', '{"min_validity":1e999}'],
    ['a validity of null', '{"min_validity":null}'],
    ['a nested validity', '{"min_validity":{"min_validity":1}}'],
    ['a short fingerprint', '{"rejected":"abc"}'],
    ['a fingerprint that is not hex', `{"rejected":"${'G'.repeat(64)}"}`],
    ['a fingerprint with a line end', `{"rejected":"${'a'.repeat(64)}\\n"}`],
    ['a fingerprint that is not a string', `{"rejected":["${'a'.repeat(64)}"]}`],
    ['an unknown want', '{"want":"refresh_token"}'],
    ['a want that is not a string', '{"want":true}'],
    ['a byte order mark', '\ufeff{}'],
    ['6 MB', ' '.repeat(6 * 1024 * 1024)],
  ])('is invalid_request when the body is %s', async (_name, text) => {
    expect(await refusalOf(body(text))).toBe('invalid_request');
    expect(
      await refusalOf(
        httpEvent({ account: 'one', body: Buffer.from(text).toString('base64'), event: { isBase64Encoded: true } }),
      ),
    ).toBe('invalid_request');
  });

  it('is invalid_request when isBase64Encoded does not agree with the body', async () => {
    expect(await refusalOf(body(btoa('{}')))).toBe('invalid_request');
    expect(await refusalOf(httpEvent({ account: 'one', body: '{}', event: { isBase64Encoded: true } }))).toBe(
      'invalid_request',
    );
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['a body that is an object', { body: { want: 'token' } }],
    ['a body that is a number', { body: 1 }],
    ['another method', { httpMethod: 'GET' }],
    ['no method', { httpMethod: undefined }],
    ['another resource', { resource: '/{proxy+}' }],
    ['query parameters', { queryStringParameters: { account: 'two' } }],
    ['query parameters in a list', { queryStringParameters: ['account'] }],
  ])('with %s', async (_name, event) => {
    expect(await refusalOf(httpEvent({ account: 'one', event }))).toBe('invalid_request');
  });

  it.each<[string, HttpCall]>([
    ['in capitals', { account: 'ONE' }],
    ['with an escape', { account: '%6fne' }],
    ['with a slash', { account: 'one/two' }],
    ['with an escaped slash', { account: 'one%2ftwo' }],
    ['with dots', { account: '..' }],
    ['with a space', { account: 'one ' }],
    ['with a line end', { account: 'one\n' }],
    ['with a letter that looks like another', { account: 'оne' }],
    ['with a letter of full width', { account: 'ｏne' }],
    ['with a zero byte', { account: 'one\0' }],
    ['that is a prototype key', { account: '__proto__' }],
    ['that is empty', { account: '' }],
    ['of 64 characters', { account: 'a'.repeat(64) }],
    ['of 6 MB', { account: 'a'.repeat(6 * 1024 * 1024) }],
    ['that is not a string', { account: 'one', event: { pathParameters: { account: ['one'] } } }],
    ['that is missing', { account: 'one', event: { pathParameters: {} } }],
    ['whose parameters are missing', { account: 'one', event: { pathParameters: null } }],
    ['that the path does not name', { account: 'one', event: { path: '/token/two' } }],
    ['that the path spells with an escape', { account: 'one', event: { path: '/token/%6fne' } }],
    ['that is only the end of the one in the path', { account: 'one', event: { path: '/token/xone' } }],
    ['whose path is missing', { account: 'one', event: { path: undefined } }],
    ['in the parameters of the default path', { event: { pathParameters: { account: 'two' } } }],
    ['in the path of the default resource', { event: { path: '/token/two' } }],
  ])('is invalid_account when the request has an account %s', async (_name, httpCall) => {
    expect(await refusalOf(httpEvent(httpCall))).toBe('invalid_account');
  });

  it('is unknown_account when the account is not configured', async () => {
    expect(await refusalOf(httpEvent({ account: 'three' }))).toBe('unknown_account');
    expect(await refusalOf(httpEvent({ account: 'constructor' }))).toBe('unknown_account');
  });

  it('is invalid_account when the path names no account and there is no default account', async () => {
    const { broker } = servingBroker();
    const { report } = recordReports();
    const issueToken = createIssueToken({ broker, isConfigured: () => true, report });
    const handle = createHttpHandler(issueToken);
    const invocation = describeInvocation(httpEvent(), lambdaContext('http'), undefined);
    await expect(handle(httpEvent(), invocation, () => 25_000)).rejects.toMatchObject({ code: 'invalid_account' });
  });

  it.each([...Object.entries(foreignEvents), ['null', null], ['a string', 'token'], ['an array', [httpEvent()]]])(
    'is invalid_request when the event is of another kind: %s',
    async (_name, event) => {
      expect(await refusalOf(event)).toBe('invalid_request');
    },
  );

  it('is invalid_request, or the request is served, for any JSON body', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        const { send } = handlerFor();
        const outcome = await send(body(text)).catch((error: unknown) => error);
        expect(outcome instanceof BrokerError ? outcome.code : 'served').toMatch(/^(served|invalid_request)$/);
      }),
    );
  });
});

describe('a failure as an HTTP answer', () => {
  it('has the status, the headers and the body of the contract', () => {
    expect(httpFailure(new BrokerError('paused', 'paused', { retryAfterMs: 2500 }), 'request-1')).toEqual({
      statusCode: 503,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        Pragma: 'no-cache',
        'X-Content-Type-Options': 'nosniff',
        'Retry-After': '3',
      },
      body: '{"error":"paused","error_description":"This account is paused.","retryable":true,"retry_after":3,"request_id":"request-1"}',
    });
  });

  it('has no Retry-After when a retry cannot help', () => {
    const answer = httpFailure(new BrokerError('forbidden', 'wrong alias'), 'request-1');
    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('Retry-After');
  });
});

describe('the report of an issued token', () => {
  it('contains the invocation and the grant', async () => {
    const { send, reports } = handlerFor();
    const event = httpEvent({ account: 'two' });
    await send(event);
    expect(reports.issued).toEqual([{ invocation: describeInvocation(event, lambdaContext('http'), 'one'), grant }]);
  });
});
