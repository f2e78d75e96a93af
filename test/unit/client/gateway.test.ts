import { createServer } from 'node:https';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient, TokenBrokerError } from '../../../client/index.ts';
import type { GatewayOptions } from '../../../client/options.ts';
import { listen, serve } from '../../../local/loopback.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { fingerprintOf, issued, keys, type Line, noon, refusal, scriptedBroker } from '../../support/client/broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function broker(...script: Line[]) {
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
  ])('stage "%s", %o: POST %s', async (stage, options, path) => {
    const { url, heard } = await broker(issued('token-a', 1799, options));
    await client(url + stage, options).getToken();

    expect(heard[0]?.path).toBe(path);
  });

  test('asks for no more than it needs', async () => {
    const { url, heard } = await broker(issued('token-a', 1799));
    await client(url).getToken();
    await client(url).getToken({ minValidity: 60, rejected: fingerprintOf('token-0') });

    expect(heard.map(({ body }) => body)).toEqual([{}, { min_validity: 60, rejected: fingerprintOf('token-0') }]);
  });

  test('is signed for execute-api, host, session token and payload included', async () => {
    const { url, heard } = await broker(issued('token-a', 1799));
    await client(url, { credentials: { ...keys, sessionToken: 'not-a-real-session' } }).getToken();
    const headers = heard[0]?.headers ?? {};

    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261124\/us-east-1\/execute-api\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(headers['x-amz-date']).toBe('20261124T120000Z');
    expect(headers['x-amz-content-sha256']).toBe(fingerprintOf('{}'));
    expect(headers['x-amz-security-token']).toBe('not-a-real-session');
    expect(headers.connection).toBe('close');
  });

  test('is signed with the keys of the moment', async () => {
    const { url, heard } = await broker(issued('token-a', 5));
    let turn = 0;
    const rotating = async () => {
      turn += 1;
      return { ...keys, accessKeyId: `AKIDTURN${turn}` };
    };
    const { getToken, advance } = client(url, { credentials: rotating });
    await getToken();
    await advance(10_000);
    await getToken();

    expect(heard.map(({ headers }) => /AKIDTURN\d/.exec(headers.authorization ?? '')?.[0])).toEqual([
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

  test('one that is off is put right by the server’s, once and for all', async () => {
    const { url, heard } = await broker(badSignature('Tue, 24 Nov 2026 14:30:00 GMT'), issued('token-a', 5));
    const { getToken, advance } = client(url);
    await getToken();
    await advance(10_000);
    await getToken();

    expect(heard.map(({ headers }) => headers['x-amz-date'])).toEqual([
      '20261124T120000Z',
      '20261124T143000Z',
      '20261124T143010Z',
    ]);
  });

  test('a second refusal of the signature is one of the keys', async () => {
    const { url, heard } = await broker(badSignature('Tue, 24 Nov 2026 12:00:00 GMT'));
    const { code, retryable } = await failure(client(url).getToken());

    expect({ code, retryable }).toEqual({ code: 'aws_credentials', retryable: false });
    expect(heard).toHaveLength(2);
  });

  test.each(['UnrecognizedClientException', 'ExpiredTokenException:http://internal.amazon.com/'])(
    '%s is a fault of the keys',
    async (type) => {
      const { url } = await broker({ ...refusal(403, 'forbidden'), headers: { 'x-amzn-ErrorType': type } });

      expect(await failure(client(url).getToken())).toMatchObject({ code: 'aws_credentials', retryable: false });
    },
  );

  test('other refusals are not signed again', async () => {
    const { url, heard } = await broker({
      ...refusal(403, 'forbidden'),
      headers: { 'x-amzn-ErrorType': 'AccessDeniedException' },
    });
    await failure(client(url).getToken());

    expect(heard).toHaveLength(1);
  });

  test('a token’s life is counted by the holder’s clock, however wrong the broker’s is', async () => {
    const { url } = await broker(issued('token-a', 1799, { expires_at: '2031-01-01T00:00:00.000Z' }));

    expect((await client(url).getToken()).expiresAt).toBe(noon + 1_799_000);
  });
});

describe('the answer', () => {
  test('is a token, its expiry, its fingerprint, its account and any warning', async () => {
    const { url } = await broker(issued('token-a', 1799, { warning: 'renewal_failing' }));

    await expect(client(url).getToken()).resolves.toEqual({
      accessToken: 'token-a',
      expiresAt: noon + 1_799_000,
      fingerprint: fingerprintOf('token-a'),
      account: '25365421',
      warning: 'renewal_failing',
    });
  });

  test('a refusal keeps the broker’s words', async () => {
    const { url } = await broker(
      refusal(503, 'upstream_unavailable', { retryable: true, retry_after: 120, request_id: 'abc' }),
    );
    const error = await failure(client(url).getToken());

    expect(error).toMatchObject({ code: 'upstream_unavailable', retryable: true, retryAfter: 120, requestId: 'abc' });
    expect(error.message).toBe('upstream_unavailable: A fixed text.');
  });

  test('a code that is not known yet is believed', async () => {
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
  ])('%d without a word of the broker: %s', async (status, code, retryable) => {
    const headers = { 'retry-after': '300', 'x-amzn-RequestId': 'of-the-gateway' };
    const { url } = await broker({ status, headers, body: { message: 'not of the contract' } });

    expect(await failure(client(url).getToken())).toMatchObject({ code, retryable, requestId: 'of-the-gateway' });
  });

  test.each([
    ['no JSON', '<html>'],
    ['no object', null],
    ['no token', { token_type: 'bearer', expires_in: 5 }],
    ['a token that does not fit a header', issued('token\r\na', 1799).body],
    ['an expiry that is no number', issued('token-a', 1799, { expires_in: '1799' }).body],
    ['an expiry of 0', issued('token-a', 0).body],
    ['another token’s fingerprint', issued('token-a', 1799, { token_sha256: fingerprintOf('token-b') }).body],
    ['no account', issued('token-a', 1799, { account: undefined }).body],
    ['70 KB', issued('token-a', 1799, { more: 'x'.repeat(70_000) }).body],
  ])('200 with %s is refused', async (_, body) => {
    const { url } = await broker({ body });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'unexpected_answer', retryable: false });
  });

  test('the token of another account is refused', async () => {
    const { url } = await broker(issued('token-a', 1799, { account: 'theirs' }));
    const error = await failure(client(url, { account: 'mine' }).getToken());

    expect(error).toMatchObject({ code: 'unexpected_answer', retryable: false });
  });

  test('a life and a waiting time beyond reason are cut', async () => {
    const thirtyDaysMs = 30 * 24 * 3600 * 1000;
    const { url } = await broker(
      issued('token-a', 1799, { expires_in: 1e306 }),
      refusal(503, 'upstream_unavailable', { retryable: true, retry_after: 86_400 }),
    );

    expect((await client(url).getToken()).expiresAt).toBe(noon + thirtyDaysMs);
    expect(await failure(client(url).getToken())).toMatchObject({ retryAfter: 300 });
  });

  test('of a path that API Gateway does not know is no fault of the keys', async () => {
    const headers = { 'x-amzn-ErrorType': 'MissingAuthenticationTokenException' };
    const { url, heard } = await broker({ ...refusal(403, 'forbidden'), headers });
    const error = await failure(client(url).getToken());

    expect(error).toMatchObject({ code: 'unexpected_answer', retryable: false });
    expect(error.message).toContain('No token broker is at this path');
    expect(heard).toHaveLength(1);
  });

  test('a redirect is not followed', async () => {
    const elsewhere = await broker(issued('token-a', 1799));
    const { url } = await broker({ status: 307, headers: { location: elsewhere.url }, body: '' });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'unexpected_answer' });
    expect(elsewhere.heard).toEqual([]);
  });
});

describe('the network', () => {
  test('a connection that is cut is no answer', async () => {
    const { url, heard } = await broker('hang up');

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'broker_unreachable', retryable: true });
    expect(heard).toHaveLength(1);
  });

  test('nobody listening is no answer', async () => {
    const { url, close } = await serve(() => {});
    await close();

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'broker_unreachable', retryable: true });
  });

  test('a false certificate is refused, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const answer = JSON.stringify(issued('token-a', 1799).body);
    const impostor = await listen(createServer(await makeCertificate(), (_, response) => response.end(answer)));
    open.push(impostor);
    const url = impostor.url.replace('http:', 'https:');
    const error = await failure(client(url).getToken());
    vi.unstubAllEnvs();

    expect(error).toMatchObject({ code: 'broker_unreachable' });
  });

  test('a switch of protocols is no answer', async () => {
    const { url, close } = await serve((_, response) => {
      response.writeHead(101, { upgrade: 'x', connection: 'upgrade' }).end();
    });
    open.push({ close });

    expect(await failure(client(url).getToken())).toMatchObject({ code: 'broker_unreachable', retryable: true });
  }, 5_000);

  test('a signal cuts a silent request short, on the wire too', async () => {
    const impatient = new AbortController();
    const cut = Promise.withResolvers<void>();
    const silent = await serve((request) => {
      request.socket.once('close', cut.resolve);
      impatient.abort(new Error('in a hurry'));
    });
    open.push(silent);

    await expect(client(silent.url).getToken({ signal: impatient.signal })).rejects.toThrow('in a hurry');
    await cut.promise;
  });

  test.each([
    ['fails', () => Promise.reject(new Error('no profile'))],
    [
      'throws',
      () => {
        throw new Error('no profile');
      },
    ],
    ['has no keys', async () => ({ accessKeyId: '', secretAccessKey: '' })],
  ])('a provider of keys that %s is a fault of the keys', async (_, credentials) => {
    const error = await failure(client('http://127.0.0.1:1', { credentials }).getToken());

    expect(error).toMatchObject({ code: 'aws_credentials', retryable: false });
  });

  test('a provider of keys that hangs is given up after 30 s', async () => {
    const { getToken, advance } = client('http://127.0.0.1:1', { credentials: () => new Promise(() => {}) });
    const call = expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable' });
    await advance(30_000);

    await call;
  });

  test('a signal cuts a provider of keys short that hangs', async () => {
    const impatient = new AbortController();
    const credentials = () => new Promise<typeof keys>(() => {});
    const call = client('http://127.0.0.1:1', { credentials }).getToken({ signal: impatient.signal });
    setImmediate(() => impatient.abort(new Error('in a hurry')));

    await expect(call).rejects.toThrow('in a hurry');
  });

  test('no connection outlives its question, so none is dead after a freeze', async () => {
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
