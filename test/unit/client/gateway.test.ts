import { createServer } from 'node:https';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient, TokenBrokerError } from '../../../client/index.ts';
import type { GatewayOptions } from '../../../client/options.ts';
import { listen, serve } from '../../../local/loopback.ts';
import { makeCertificate } from '../../support/certificates.ts';
import {
  fingerprintOf,
  issued,
  keys,
  noon,
  refusal,
  type ScriptedAnswer,
  scriptedBroker,
} from '../../support/client/broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function broker(...script: ScriptedAnswer[]) {
  const server = await scriptedBroker(...script);
  open.push(server);
  return server;
}

function client(endpoint: string, options: Partial<GatewayOptions> = {}) {
  const time = createVirtualClock(noon);
  const settings = { endpoint, region: 'us-east-1', credentials: keys, ...options };
  return { ...time, ...createTokenClient(settings, { ...time, random: () => 0 }) };
}

async function failure(call: Promise<unknown>): Promise<TokenBrokerError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(TokenBrokerError);
  return thrown instanceof TokenBrokerError ? thrown : new TokenBrokerError('unexpected_answer', 'nothing was thrown');
}

describe('the request', () => {
  test.each([
    ['', {}, '/token'],
    ['/prod', {}, '/prod/token'],
    ['/prod/', { account: 'nit-1' }, '/prod/token/nit-1'],
  ])('with stage "%s" and options %o goes to POST %s', async (stage, options, path) => {
    const { url, received } = await broker(issued('token-a', 1799, options));
    await client(url + stage, options).getToken();

    expect(received[0]?.path).toBe(path);
  });

  test('has only the members that the call needs', async () => {
    const { url, received } = await broker(issued('token-a', 1799));
    await client(url).getToken();
    await client(url).getToken({ minValidity: 60, rejected: fingerprintOf('token-0') });

    expect(received.map(({ body }) => body)).toEqual([{}, { min_validity: 60, rejected: fingerprintOf('token-0') }]);
  });

  test('is signed for execute-api, with host, session token and payload', async () => {
    const { url, received } = await broker(issued('token-a', 1799));
    await client(url, { credentials: { ...keys, sessionToken: 'not-a-real-session' } }).getToken();
    const headers = received[0]?.headers ?? {};

    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261124\/us-east-1\/execute-api\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(headers['x-amz-date']).toBe('20261124T120000Z');
    expect(headers['x-amz-content-sha256']).toBe(fingerprintOf('{}'));
    expect(headers['x-amz-security-token']).toBe('not-a-real-session');
    expect(headers.connection).toBe('close');
  });

  test('is signed with the current keys of the provider', async () => {
    const { url, received } = await broker(issued('token-a', 5));
    let calls = 0;
    const rotating = async () => {
      calls += 1;
      return { ...keys, accessKeyId: `AKIDTURN${calls}` };
    };
    const { getToken, advance } = client(url, { credentials: rotating });
    await getToken();
    await advance(10_000);
    await getToken();

    expect(received.map(({ headers }) => /AKIDTURN\d/.exec(headers.authorization ?? '')?.[0])).toEqual([
      'AKIDTURN1',
      'AKIDTURN2',
    ]);
  });
});

describe('the clock', () => {
  const badSignature = (date: string) => ({
    ...refusal(403, 'forbidden'),
    headers: { 'x-amzn-ErrorType': 'InvalidSignatureException', date },
  });

  test('is corrected by the server’s date after a refused signature, and stays corrected', async () => {
    const { url, received } = await broker(badSignature('Tue, 24 Nov 2026 14:30:00 GMT'), issued('token-a', 5));
    const { getToken, advance } = client(url);
    await getToken();
    await advance(10_000);
    await getToken();

    expect(received.map(({ headers }) => headers['x-amz-date'])).toEqual([
      '20261124T120000Z',
      '20261124T143000Z',
      '20261124T143010Z',
    ]);
  });

  test('is not the cause when the signature is refused twice: the code is aws_credentials', async () => {
    const { url, received } = await broker(badSignature('Tue, 24 Nov 2026 12:00:00 GMT'));
    const { code, retryable } = await failure(client(url).getToken());

    expect({ code, retryable }).toEqual({ code: 'aws_credentials', retryable: false });
    expect(received).toHaveLength(2);
  });

  test.each(['UnrecognizedClientException', 'ExpiredTokenException:http://internal.amazon.com/'])(
    'is not the cause of %s: the code is aws_credentials',
    async (type) => {
      const { url } = await broker({ ...refusal(403, 'forbidden'), headers: { 'x-amzn-ErrorType': type } });

      expect(await failure(client(url).getToken())).toMatchObject({ code: 'aws_credentials', retryable: false });
    },
  );

  test('causes no second request when AWS refuses for another reason', async () => {
    const { url, received } = await broker({
      ...refusal(403, 'forbidden'),
      headers: { 'x-amzn-ErrorType': 'AccessDeniedException' },
    });
    await failure(client(url).getToken());

    expect(received).toHaveLength(1);
  });

  test('of the caller decides when a token expires, also when the broker’s clock is wrong', async () => {
    const { url } = await broker(issued('token-a', 1799, { expires_at: '2031-01-01T00:00:00.000Z' }));

    expect(await client(url).getToken()).toMatchObject({
      expiresAt: noon + 1_799_000,
      reportedExpiry: '2031-01-01T00:00:00.000Z',
    });
  });

  test.each([undefined, 0, 'tomorrow', '2031-01-01T99:00:00Z', '2031-01-01T00:00:00Z\n'])(
    'is the only one that counts when the response names its expiry as %j',
    async (expires_at) => {
      const { url } = await broker(issued('token-a', 1799, { expires_at }));
      const token = await client(url).getToken();

      expect(token.expiresAt).toBe(noon + 1_799_000);
      expect(token).not.toHaveProperty('reportedExpiry');
    },
  );
});

describe('the response', () => {
  test('gives the token, its expiry, fingerprint, account and warning', async () => {
    const { url } = await broker(issued('token-a', 1799, { warning: 'renewal_failing' }));

    await expect(client(url).getToken()).resolves.toEqual({
      accessToken: 'token-a',
      expiresAt: noon + 1_799_000,
      reportedExpiry: '2026-11-24T12:29:59.000Z',
      fingerprint: fingerprintOf('token-a'),
      account: '25365421',
      warning: 'renewal_failing',
    });
  });

  test('keeps the code, the text and the request id of the broker when it is an error', async () => {
    const { url } = await broker(
      refusal(503, 'upstream_unavailable', { retryable: true, retry_after: 120, request_id: 'abc' }),
    );
    const error = await failure(client(url).getToken());

    expect(error).toMatchObject({ code: 'upstream_unavailable', retryable: true, retryAfter: 120, requestId: 'abc' });
    expect(error.message).toBe('upstream_unavailable: A fixed text.');
  });

  test.each([
    [
      { error_description: 'It has the wrong form.', member: 'min_validity' },
      ' It has the wrong form. The member is min_validity.',
    ],
    [{ error_description: 'min_validity is not a number.', member: 'min_validity' }, ' min_validity is not a number.'],
    [{ error_description: 'It has the wrong form.', member: 'not a name' }, ' It has the wrong form.'],
  ])('promise 62: names the member at fault when the broker does: %j', async (more, text) => {
    const { url } = await broker(refusal(400, 'invalid_request', more));

    expect((await failure(client(url).getToken())).message).toBe(`invalid_request:${text}`);
  });

  test('keeps a code that this client does not know', async () => {
    const { url } = await broker(refusal(500, 'code_of_tomorrow'));

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'code_of_tomorrow', retryable: false });
  });

  test.each([
    [403, 'forbidden', false],
    [400, 'invalid_request', false],
    [413, 'invalid_request', false],
    [415, 'invalid_request', false],
    [429, 'throttled', true],
    [500, 'internal', false],
    [502, 'internal', false],
    [504, 'deadline', true],
    [301, 'unexpected_answer', false],
    [404, 'unexpected_answer', false],
  ])('%d without a body of the broker has the code %s', async (status, code, retryable) => {
    const headers = { 'retry-after': '300', 'x-amzn-RequestId': 'of-the-gateway' };
    const { url } = await broker({ status, headers, body: { message: 'not of the contract' } });

    expect(await failure(client(url).getToken())).toMatchObject({ code, retryable, requestId: 'of-the-gateway' });
  });

  test.each([
    ['a body that is not JSON', '<html>'],
    ['a body that is not an object', null],
    ['no token', { token_type: 'bearer', expires_in: 5 }],
    ['a token that does not fit a header', issued('token\r\na', 1799).body],
    ['an expiry that is not a number', issued('token-a', 1799, { expires_in: '1799' }).body],
    ['an expiry of 0', issued('token-a', 0).body],
    ['another token’s fingerprint', issued('token-a', 1799, { token_sha256: fingerprintOf('token-b') }).body],
    ['no account', issued('token-a', 1799, { account: undefined }).body],
    ['70 KB', issued('token-a', 1799, { more: 'x'.repeat(70_000) }).body],
  ])('200 with %s has the code unexpected_answer', async (_, body) => {
    const { url } = await broker({ body });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'unexpected_answer', retryable: false });
  });

  test('with the token of another account has the code unexpected_answer', async () => {
    const { url } = await broker(issued('token-a', 1799, { account: 'theirs' }));
    const error = await failure(client(url, { account: 'mine' }).getToken());

    expect(error).toMatchObject({ code: 'unexpected_answer', retryable: false });
  });

  test('has a life of at most 30 days and a waiting time of at most 300 s', async () => {
    const thirtyDaysMs = 30 * 24 * 3600 * 1000;
    const { url } = await broker(
      issued('token-a', 1799, { expires_in: 1e306 }),
      refusal(503, 'upstream_unavailable', { retryable: true, retry_after: 86_400 }),
    );

    expect((await client(url).getToken()).expiresAt).toBe(noon + thirtyDaysMs);
    expect(await failure(client(url).getToken())).toMatchObject({ retryAfter: 300 });
  });

  test('to a path that API Gateway does not know has the code unexpected_answer', async () => {
    const headers = { 'x-amzn-ErrorType': 'MissingAuthenticationTokenException' };
    const { url, received } = await broker({ ...refusal(403, 'forbidden'), headers });
    const error = await failure(client(url).getToken());

    expect(error).toMatchObject({ code: 'unexpected_answer', retryable: false });
    expect(error.message).toContain('No token broker is at this path');
    expect(received).toHaveLength(1);
  });

  test('is not followed when it is a redirect', async () => {
    const elsewhere = await broker(issued('token-a', 1799));
    const { url } = await broker({ status: 307, headers: { location: elsewhere.url }, body: '' });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'unexpected_answer' });
    expect(elsewhere.received).toEqual([]);
  });
});

describe('the network', () => {
  test('gives broker_unreachable when no server listens', async () => {
    const { url, close } = await serve(() => {});
    await close();

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'broker_unreachable', retryable: true });
  });

  test('gives broker_unreachable for an untrusted certificate, also with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const answer = JSON.stringify(issued('token-a', 1799).body);
    const untrusted = await listen(createServer(await makeCertificate(), (_, response) => response.end(answer)));
    open.push(untrusted);
    const url = untrusted.url.replace('http:', 'https:');
    const error = await failure(client(url).getToken());
    vi.unstubAllEnvs();

    expect(error).toMatchObject({ code: 'broker_unreachable' });
  });

  test('gives broker_unreachable when the server switches protocols', async () => {
    const { url, close } = await serve((_, response) => {
      response.writeHead(101, { upgrade: 'x', connection: 'upgrade' }).end();
    });
    open.push({ close });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'broker_unreachable', retryable: true });
  }, 5_000);

  test('closes the connection when the signal aborts during a silent request', async () => {
    const controller = new AbortController();
    const closed = Promise.withResolvers<void>();
    const silent = await serve((request) => {
      request.socket.once('close', closed.resolve);
      controller.abort(new Error('aborted by the caller'));
    });
    open.push(silent);

    await expect(client(silent.url).getToken({ signal: controller.signal })).rejects.toThrow('aborted by the caller');
    await closed.promise;
  });

  test.each([
    ['rejects', () => Promise.reject(new Error('no profile'))],
    [
      'throws',
      () => {
        throw new Error('no profile');
      },
    ],
    ['has no keys', async () => ({ accessKeyId: '', secretAccessKey: '' })],
  ])('gives aws_credentials when the provider of keys %s', async (_, credentials) => {
    const error = await failure(client('http://127.0.0.1:1', { credentials }).getToken());

    expect(error).toMatchObject({ code: 'aws_credentials', retryable: false });
  });

  test('gives up after 30 s when the provider of keys does not settle', async () => {
    const { getToken, advance } = client('http://127.0.0.1:1', { credentials: () => new Promise(() => {}) });
    const call = expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable' });
    await advance(30_000);

    await call;
  });

  test('rejects with the signal’s reason when the signal aborts while the provider of keys does not settle', async () => {
    const controller = new AbortController();
    const credentials = () => new Promise<typeof keys>(() => {});
    const call = client('http://127.0.0.1:1', { credentials }).getToken({ signal: controller.signal });
    setImmediate(() => controller.abort(new Error('aborted by the caller')));

    await expect(call).rejects.toThrow('aborted by the caller');
  });

  test('uses a new connection for every request, so no connection is dead after a freeze', async () => {
    const { url, close } = await serve((request, response) => {
      response.end(JSON.stringify(issued('token-a', 5).body), () => request.socket.destroy());
    });
    open.push({ close });
    const { getToken, advance } = client(url);
    for (let call = 0; call < 20; call += 1) {
      await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a' });
      await advance(10_000);
    }
  });
});
