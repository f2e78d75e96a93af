// Tests the REST API of the local gateway: events, signatures, rights and failures.
import { connect } from 'node:net';
import { text as streamText } from 'node:stream/consumers';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../../local/gateway/gateway.ts';
import { tokenAnswer } from '../../support/openapi/token-answer.ts';
import { type CallOptions, plainCall, signedCall } from '../../support/signed-call.ts';

const callers = localCallers('demo-a');
const minuteMs = 60_000;
const ended = { ...callers.first, accessKeyId: 'local-ended', expiresAt: Date.now() - minuteMs };
let gateway: Gateway;
let calls: { event: unknown; context: Context; remainingMs: number }[];

async function start(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  return startGateway({
    handler: async (event, context) => {
      calls.push({ event, context, remainingMs: context.getRemainingTimeInMillis() });
      return tokenAnswer;
    },
    callers: [...Object.values(callers), ended],
    aliases: ['http', 'account-demo-a'],
    ...options,
  });
}

beforeEach(async () => {
  calls = [];
  gateway = await start();
});

afterEach(() => gateway.close());

function expectRefusal(answer: Awaited<ReturnType<typeof plainCall>>, status: number, body: object): void {
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({ error_description: expect.any(String), request_id: expect.any(String), ...body });
  expect(answer.headers.get('x-amzn-requestid')).toBe(answer.body.request_id);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('pragma')).toBe('no-cache');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect([...answer.headers.keys()].filter((name) => /^access-control|cookie/.test(name))).toEqual([]);
}

const forbidden = { error: 'forbidden', retryable: false };

describe('signed calls', () => {
  test('a signed call reaches the function through the alias http, with a context whose remaining time counts down', async () => {
    const answer = await signedCall(`${gateway.url}/token/demo-a`, callers.all);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'bearer' } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [call] = calls;
    expect(call?.context.invokedFunctionArn).toBe(
      'arn:aws:lambda:us-east-1:000000000000:function:fegora-token-broker:http',
    );
    expect(call?.remainingMs).toBeGreaterThan(24_000);
    expect(call?.remainingMs).toBeLessThanOrEqual(25_000);
    expect(call?.context.getRemainingTimeInMillis()).toBeLessThanOrEqual(call?.remainingMs ?? 0);
  });

  test('a signed call arrives as the event of a REST API with proxy integration', async () => {
    await signedCall(`${gateway.url}/token/demo-a`, callers.first, {
      body: '{"want":"metadata"}',
      headers: { 'content-type': 'application/json', 'X-Twice': 'a' },
    });
    const host = new URL(gateway.url).host;
    expect(calls[0]?.event).toEqual({
      resource: '/token/{account}',
      path: '/token/demo-a',
      httpMethod: 'POST',
      headers: expect.objectContaining({
        'content-type': 'application/json',
        host,
        'x-amz-security-token': callers.first.sessionToken,
        'X-Forwarded-For': '127.0.0.1',
        'X-Forwarded-Proto': 'https',
        'X-Amzn-Trace-Id': expect.stringMatching(/^Root=1-[\da-f]{8}-[\da-f]{24}$/),
      }),
      multiValueHeaders: expect.objectContaining({ 'content-type': ['application/json'], host: [host] }),
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: { account: 'demo-a' },
      stageVariables: null,
      requestContext: {
        resourceId: expect.any(String),
        resourcePath: '/token/{account}',
        httpMethod: 'POST',
        extendedRequestId: expect.any(String),
        requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        path: '/token/demo-a',
        accountId: '000000000000',
        protocol: 'HTTP/1.1',
        stage: 'local',
        domainPrefix: 'localhost',
        requestTimeEpoch: expect.any(Number),
        requestId: expect.stringMatching(/^[\da-f-]{36}$/),
        identity: {
          cognitoIdentityPoolId: null,
          accountId: '000000000000',
          cognitoIdentityId: null,
          caller: 'AROALOCALFIRST:session',
          sourceIp: '127.0.0.1',
          principalOrgId: null,
          accessKey: callers.first.accessKeyId,
          cognitoAuthenticationType: null,
          cognitoAuthenticationProvider: null,
          userArn: 'arn:aws:sts::000000000000:assumed-role/local-first/session',
          userAgent: expect.any(String),
          user: 'AROALOCALFIRST:session',
        },
        domainName: host,
        apiId: 'local',
      },
      body: '{"want":"metadata"}',
      isBase64Encoded: false,
    });
    const names = Object.keys(Object(Object(calls[0]?.event).headers)).map((name) => name.toLowerCase());
    expect(names).not.toContain('authorization');
  });

  test('a signed call has a null body and no parameters when it has no body and no account in the path', async () => {
    await signedCall(`${gateway.url}/token`, callers.all);
    expect(calls[0]?.event).toMatchObject({
      resource: '/token',
      path: '/token',
      pathParameters: null,
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      body: null,
    });
  });

  test('a signed call has its query parameters in both forms: the last value of each name, and all values', async () => {
    await signedCall(`${gateway.url}/token?a=1&b=%C3%B1+%26&a=2`, callers.all);
    expect(calls[0]?.event).toMatchObject({
      queryStringParameters: { a: '2', b: 'ñ &' },
      multiValueQueryStringParameters: { a: ['1', '2'], b: ['ñ &'] },
    });
  });

  test('a signed call keeps its path as the client sent it, and has its path parameter decoded once', async () => {
    await signedCall(`${gateway.url}/token/demo%2Da%252F`, callers.all);
    expect(calls[0]?.event).toMatchObject({
      path: '/token/demo%2Da%252F',
      resource: '/token/{account}',
      pathParameters: { account: 'demo-a%2F' },
    });
  });

  test('a signed call is accepted when its date is 4 minutes in the past or in the future', async () => {
    for (const offMs of [-4 * minuteMs, 4 * minuteMs]) {
      const at = new Date(Date.now() + offMs);
      await expect(signedCall(`${gateway.url}/token`, callers.all, { at })).resolves.toMatchObject({ status: 200 });
    }
  });
});

describe('promise 42: refusals have the body of the stack and the error type of API Gateway', () => {
  const refusals: [string, string, CallOptions & { keys?: typeof callers.all; path?: string }][] = [
    ['an unknown path', 'MissingAuthenticationTokenException', { path: '/tokens' }],
    ['a path below the account', 'MissingAuthenticationTokenException', { path: '/token/demo-a/more' }],
    ['a path with a slash at its end', 'MissingAuthenticationTokenException', { path: '/token/' }],
    ['a GET', 'MissingAuthenticationTokenException', { method: 'GET' }],
    ['an OPTIONS', 'MissingAuthenticationTokenException', { method: 'OPTIONS' }],
    [
      'a bearer token',
      'IncompleteSignatureException',
      { tamper: ({ headers }) => replaceHeader(headers, 'Bearer abc') },
    ],
    [
      'a signature without the list of signed headers',
      'IncompleteSignatureException',
      {
        tamper: ({ headers }) => replaceHeader(headers, headers.authorization?.replace(/SignedHeaders=[^,]+, /, '')),
      },
    ],
    ['a call without a date', 'IncompleteSignatureException', { tamper: ({ headers }) => drop(headers, 'x-amz-date') }],
    [
      'a wrong secret key',
      'InvalidSignatureException',
      { keys: { ...callers.all, secretAccessKey: 'not-a-real-key-at-all' } },
    ],
    ['a date 5.1 minutes in the past', 'InvalidSignatureException', { at: new Date(Date.now() - 5.1 * minuteMs) }],
    ['a date 5.1 minutes in the future', 'InvalidSignatureException', { at: new Date(Date.now() + 5.1 * minuteMs) }],
    ['a signature for another region', 'InvalidSignatureException', { region: 'eu-west-1' }],
    ['a signature for another service', 'InvalidSignatureException', { service: 'lambda' }],
    [
      'a body that changed after signing',
      'InvalidSignatureException',
      { body: '{"want":"metadata"}', tamper: (sent) => Object.assign(sent, { body: '{"want":"token"}' }) },
    ],
    [
      'a digest in a header that does not fit the body',
      'InvalidSignatureException',
      {
        body: '{"want":"metadata"}',
        headers: { 'x-amz-content-sha256': '9c36c3c1e4b8c8c80ba0b8ef1de1f4dd1e1ae1d7b3e4b3e4b3e4b3e4b3e4b3e4' },
      },
    ],
    [
      'a path that changed after signing',
      'InvalidSignatureException',
      { tamper: (sent) => Object.assign(sent, { url: new URL(sent.url.href.replace('demo-a', 'demo-b')) }) },
    ],
    [
      'a query that changed after signing',
      'InvalidSignatureException',
      { tamper: (sent) => Object.assign(sent, { url: new URL(`${sent.url.href}?a=b`) }) },
    ],
    [
      'a header that changed after signing',
      'InvalidSignatureException',
      { headers: { 'x-signed': 'a' }, tamper: ({ headers }) => Object.assign(headers, { 'x-signed': 'b' }) },
    ],
    [
      'an unknown access key',
      'UnrecognizedClientException',
      { keys: { ...callers.all, accessKeyId: 'local-unknown' } },
    ],
    [
      'a wrong session token',
      'UnrecognizedClientException',
      { keys: { ...callers.first, sessionToken: 'local-session-token-of-another' } },
    ],
    [
      'a missing session token',
      'UnrecognizedClientException',
      { keys: callers.first, tamper: ({ headers }) => drop(headers, 'x-amz-security-token') },
    ],
    ['a session that has ended', 'ExpiredTokenException', { keys: ended }],
    [
      'a caller with rights on another account only',
      'AccessDeniedException',
      { keys: callers.first, path: '/token/demo-b' },
    ],
    [
      'the path of the default account when the caller has rights on one account only',
      'AccessDeniedException',
      { keys: callers.first, path: '/token' },
    ],
    ['an encoded spelling of the account', 'AccessDeniedException', { keys: callers.first, path: '/token/demo%2Da' }],
    ['a caller without rights', 'AccessDeniedException', { keys: callers.none }],
  ];

  const textsByType: Record<string, RegExp> = {
    AccessDeniedException: /IAM does not permit this call/,
    ExpiredTokenException: /session of the AWS keys has expired/,
    IncompleteSignatureException: /x-amzn-ErrorType says which/,
    InvalidSignatureException: /does not accept the signature/,
    MissingAuthenticationTokenException: /not signed, or the API has no such method and path/,
    UnrecognizedClientException: /x-amzn-ErrorType says which/,
  };

  test.each(refusals)(
    'the gateway refuses %s: %s',
    async (_, type, { keys = callers.all, path = '/token/demo-a', ...options }) => {
      const answer = await signedCall(`${gateway.url}${path}`, keys, options);
      expectRefusal(answer, 403, forbidden);
      expect(answer.headers.get('x-amzn-errortype')).toBe(type);
      expect(answer.body.error_description).toMatch(textsByType[type] ?? /never/);
      expect(calls).toEqual([]);
    },
  );

  test('the gateway refuses a signature that does not cover the host: InvalidSignatureException', async () => {
    const { accessKeyId, secretAccessKey } = callers.all;
    const credentials = { accessKeyId, secretAccessKey };
    const signer = new SignatureV4({
      service: 'execute-api',
      region: 'us-east-1',
      credentials,
      sha256: Hash.bind(null, 'sha256'),
    });
    const { protocol, hostname } = new URL(gateway.url);
    const unsigned = { method: 'POST', protocol, hostname, path: '/token/demo-a', query: {}, headers: {} };
    const { headers } = await signer.sign(unsigned);
    expect(headers.authorization).not.toContain('host');
    const answer = await plainCall(`${gateway.url}/token/demo-a`, { method: 'POST', headers });
    expectRefusal(answer, 403, forbidden);
    expect(answer.headers.get('x-amzn-errortype')).toBe('InvalidSignatureException');
    expect(calls).toEqual([]);
  });

  test('the gateway refuses an unsigned call: MissingAuthenticationTokenException', async () => {
    const answer = await plainCall(`${gateway.url}/token/demo-a`);
    expectRefusal(answer, 403, forbidden);
    expect(answer.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
  });

  function replaceHeader(headers: Record<string, string>, value = ''): void {
    Object.assign(headers, { authorization: value });
  }

  function drop(headers: Record<string, string>, name: string): void {
    Reflect.deleteProperty(headers, name);
  }

  test('the gateway never repeats anything of the request in a refusal', async () => {
    const answer = await signedCall(`${gateway.url}/token/demo-b`, callers.first, {
      body: '{"canary":"body"}',
      headers: { 'x-canary': 'canary-header' },
    });
    const { sessionToken = '', accessKeyId } = callers.first;
    for (const canary of ['canary', sessionToken, accessKeyId, 'demo-b']) {
      expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(canary);
    }
  });
});

describe('promise 42: malformed requests', () => {
  /** Sends bytes and reads the answer until the server closes the connection. */
  async function exchange(text: string): Promise<{ head: string; body: object }> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.write(text);
    const [head = '', body = ''] = (await streamText(socket)).split('\r\n\r\n');
    return { head, body: JSON.parse(body) };
  }

  const closed = 'Connection: close\r\n\r\n';

  test.each([
    ['that is not HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
    [
      'with headers over 16 KB',
      `POST /token HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      400,
      'invalid_request',
    ],
    [
      'with two lengths',
      `POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      'invalid_request',
    ],
    ['without a host', `POST /token HTTP/1.1\r\n${closed}`, 403, 'forbidden'],
    [
      'with an unknown Expect header',
      `POST /token HTTP/1.1\r\nHost: localhost\r\nExpect: the-unexpected\r\n${closed}`,
      403,
      'forbidden',
    ],
    ['for a tunnel (CONNECT)', `CONNECT api.fegora.example:443 HTTP/1.1\r\nHost: x\r\n\r\n`, 403, 'forbidden'],
    [
      'for a change of protocol',
      `GET /token HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n`,
      403,
      'forbidden',
    ],
  ])('a request %s gets an answer in the form of the contract', async (_, sent, status, error) => {
    const { head, body } = await exchange(sent);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const header of ['Content-Type: application/json', 'Cache-Control: no-store', 'Pragma: no-cache']) {
      expect(head).toContain(`\r\n${header}\r\n`);
    }
    expect(head).toContain('\r\nX-Content-Type-Options: nosniff\r\n');
    expect(body).toMatchObject({ error, retryable: false, request_id: expect.any(String) });
    expect(calls).toEqual([]);
  });
});

describe('promise 42: failures behind the gateway', () => {
  const call = () => signedCall(`${gateway.url}/token/demo-a`, callers.all);

  async function restart(options: Partial<GatewayOptions>): Promise<void> {
    await gateway.close();
    gateway = await start(options);
  }

  test('a call gets 429 throttled when the throttle refuses the call', async () => {
    await restart({ isThrottled: () => true });
    const answer = await call();
    expectRefusal(answer, 429, { error: 'throttled', retryable: true, retry_after: 1 });
    expect(answer.headers.get('x-amzn-errortype')).toBe('TooManyRequestsException');
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(calls).toEqual([]);
  });

  test.each([
    ['throws', () => Promise.reject(new Error('canary'))],
    ['answers nothing', async () => undefined],
    ['answers a text', async () => 'canary'],
    ['answers without a status', async () => ({ body: 'canary' })],
    ['answers a status that is not a number', async () => ({ statusCode: '200', body: 'canary' })],
    ['answers a body that is not a text', async () => ({ statusCode: 200, body: { canary: true } })],
    ['answers an unknown member', async () => ({ statusCode: 200, body: '', canary: true })],
  ])('a call gets 502 internal when the function %s', async (_, handler) => {
    await restart({ handler });
    const answer = await call();
    expectRefusal(answer, 502, { error: 'internal', retryable: false });
    expect(answer.headers.get('x-amzn-errortype')).toBe('InternalServerErrorException');
    expect(answer.text).not.toContain('canary');
  });

  test('a call gets 502 internal when the function runs past its time-out', async () => {
    await restart({ handler: () => new Promise(() => {}), timeoutMs: 20 });
    expectRefusal(await call(), 502, { error: 'internal', retryable: false });
  });

  test('a call gets 504 deadline when the function runs past the time-out of the gateway', async () => {
    await restart({ handler: () => new Promise(() => {}), integrationTimeoutMs: 20 });
    const answer = await call();
    expectRefusal(answer, 504, { error: 'deadline', retryable: true, retry_after: 1 });
    expect(answer.headers.get('x-amzn-errortype')).toBeNull();
  });

  test('a call gets 413 invalid_request when the body is over 6 MB', async () => {
    const answer = await plainCall(`${gateway.url}/token`, { method: 'POST', body: 'x'.repeat(6 * 1024 * 1024 + 1) });
    expectRefusal(answer, 413, { error: 'invalid_request', retryable: false });
  });
});
