import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { fingerprintOf, issued, keys, refusal, type ScriptedResponse } from '../../support/client/broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

interface Invocation {
  readonly path: string;
  readonly key: string;
  readonly payload: string;
}

let lambda: LoopbackServer;
let invocations: Invocation[];
/** When the invocations were signed. Epoch milliseconds. */
let signings: number[];
/** The next response of the Lambda API. */
let answer: ScriptedResponse & { thrown?: boolean };

beforeEach(async () => {
  invocations = [];
  signings = [];
  lambda = await serve(async (request, response) => {
    const { authorization = '' } = request.headers;
    const key = /Credential=(\w+)/.exec(authorization)?.[1] ?? '';
    const stamp = String(request.headers['x-amz-date']);
    signings.push(Date.parse(stamp.replace(/(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)/, '$1-$2-$3:$4:$5')));
    invocations.push({ path: request.url ?? '', key, payload: await text(request) });
    const failed = answer.thrown ? { 'x-amz-function-error': 'Unhandled' } : {};
    response
      .writeHead(answer.status ?? 200, { 'x-amzn-requestid': 'of-lambda', ...answer.headers, ...failed })
      .end(JSON.stringify(answer.body));
  });
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', lambda.url);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await lambda.close();
});

function directClient() {
  return createTokenClient({ functionName: 'broker', account: 'nit-1', region: 'us-east-1', credentials: keys });
}

function getToken(options: { signal?: AbortSignal } = {}) {
  return directClient().getToken(options);
}

const thrown = (name: string, body: unknown) => ({
  thrown: true,
  body: { errorType: name, errorMessage: JSON.stringify(body), trace: [name] },
});

/** An error of the Lambda API itself. */
const lambdaError = (status: number, name: string) => ({
  status,
  headers: { 'x-amzn-errortype': name },
  body: { message: 'not shown', Type: 'User' },
});

test('invokes the alias of the account with the body of the contract', async () => {
  answer = issued('token-a', 1799, { account: 'nit-1' });

  await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a', fingerprint: fingerprintOf('token-a') });
  expect(invocations).toEqual([
    { path: '/2015-03-31/functions/broker/invocations?Qualifier=account-nit-1', key: 'AKIDEXAMPLE', payload: '{}' },
  ]);
});

test.each(['/lambda', '/lambda/', '/lambda//', '/lambda?a=b'])(
  'keeps the path of the address that a variable names: %s',
  async (path) => {
    answer = issued('token-a', 1799, { account: 'nit-1' });
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', lambda.url + path);
    await getToken();

    expect(invocations.map((invocation) => invocation.path)).toEqual([
      '/lambda/2015-03-31/functions/broker/invocations?Qualifier=account-nit-1',
    ]);
  },
);

test('calls the provider of keys before every request', async () => {
  answer = refusal(200, 'nothing');
  const keyIds = ['AKIDONE', 'AKIDTWO'];
  const credentials = async () => ({ ...keys, accessKeyId: keyIds[invocations.length] ?? 'AKIDTHREE' });
  const client = createTokenClient({ functionName: 'broker', account: 'nit-1', region: 'us-east-1', credentials });
  await client.getToken().catch(() => {});
  await client.getToken().catch(() => {});

  expect(invocations.map(({ key }) => key)).toEqual(keyIds);
});

describe('an error', () => {
  test('keeps the code, the text and the request id of the broker', async () => {
    const body = { error: 'credentials_rejected', error_description: 'No.', retryable: false, request_id: 'abc' };
    answer = thrown('CredentialsRejected', body);

    await expect(getToken()).rejects.toMatchObject({
      code: 'credentials_rejected',
      message: 'credentials_rejected: No.',
      retryable: false,
      requestId: 'abc',
    });
    expect(invocations).toHaveLength(1);
  });

  test('is retryable when the broker calls it retryable', async () => {
    const body = { error: 'upstream_unavailable', error_description: 'No.', retryable: true, retry_after: 300 };
    answer = thrown('UpstreamUnavailable', body);

    await expect(getToken()).rejects.toMatchObject({ retryable: true, retryAfter: 300, requestId: 'of-lambda' });
  });

  test.each([
    ['a time-out', { errorMessage: '2026-11-24T12:00:00Z 1 Task timed out after 25.00 seconds' }],
    ['no payload', null],
  ])('has the code internal when the function failed with %s', async (_, body) => {
    answer = { thrown: true, body };

    await expect(getToken()).rejects.toMatchObject({ code: 'internal', retryable: false, requestId: 'of-lambda' });
  });

  test.each([
    [403, 'AccessDeniedException', 'forbidden', false],
    [404, 'ResourceNotFoundException', 'unknown_account', false],
    [403, 'UnrecognizedClientException', 'aws_credentials', false],
    [403, 'ExpiredTokenException', 'aws_credentials', false],
    [403, 'IncompleteSignatureException', 'aws_credentials', false],
    [400, 'InvalidRequestContentException', 'unexpected_answer', false],
    [500, 'ServiceException', 'broker_unreachable', true],
  ])('of the Lambda API, %d %s, has the code %s', async (status, name, code, retryable) => {
    answer = lambdaError(status, name);

    await expect(getToken()).rejects.toMatchObject({ code, retryable });
    expect(invocations).toHaveLength(1);
  });

  test('of a signature causes one more attempt by AWS’s clock, and then the code aws_credentials', async () => {
    const ahead = new Date(Date.now() + 3_600_000).toUTCString();
    answer = lambdaError(403, 'InvalidSignatureException');
    answer = { ...answer, headers: { ...answer.headers, date: ahead } };

    await expect(getToken()).rejects.toMatchObject({ code: 'aws_credentials', retryable: false });
    expect(invocations).toHaveLength(2);
  });

  test('of a signature comes only once, because the client keeps AWS’s clock', async () => {
    const ahead = Date.now() + 3_600_000;
    answer = lambdaError(403, 'InvalidSignatureException');
    answer = { ...answer, headers: { ...answer.headers, date: new Date(ahead).toUTCString() } };
    const { getToken: request } = directClient();
    await request().catch(() => {});
    answer = refusal(502, 'credentials_rejected');
    await request().catch(() => {});
    const [early = 0, ...others] = signings.map((at) => Math.abs(at - ahead));

    expect(early).toBeGreaterThan(3_500_000);
    expect(others).toHaveLength(2);
    expect(Math.max(...others)).toBeLessThan(60_000);
  });

  test.each([
    [403, 'InvalidSignatureException'],
    [403, 'AccessDeniedException'],
    [404, 'ResourceNotFoundException'],
    [500, 'ServiceException'],
  ])('of the Lambda API, %d %s, does not repeat what was signed', async (status, name) => {
    const sessionToken = 'not-a-real-session-token';
    const signed = name === 'InvalidSignatureException' ? `x-amz-security-token:${sessionToken}` : '';
    answer = { ...lambdaError(status, name), body: { message: `The canonical string is 'POST\n${signed}'` } };
    const credentials = { ...keys, sessionToken };
    const client = createTokenClient({ functionName: 'broker', account: 'nit-1', region: 'us-east-1', credentials });
    const failure = await client.getToken().catch((error: unknown) => error);

    expect(inspect(failure, { depth: null })).toContain('TokenBrokerError');
    expect(inspect(failure, { depth: null })).not.toContain(sessionToken);
  });

  test('of a provider of keys has the code aws_credentials', async () => {
    const credentials = () => Promise.reject(new Error('no profile'));
    const client = createTokenClient({ functionName: 'broker', account: 'nit-1', region: 'us-east-1', credentials });

    await expect(client.getToken()).rejects.toMatchObject({ code: 'aws_credentials', retryable: false });
    expect(invocations).toEqual([]);
  });

  test('has the code unexpected_answer when the token is for another account', async () => {
    answer = issued('token-a', 1799, { account: 'theirs' });

    await expect(getToken()).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  test('has the code unexpected_answer when the response is not a token response', async () => {
    answer = { body: { hello: 'world' } };

    await expect(getToken()).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  test('has the code broker_unreachable when no server listens', async () => {
    await lambda.close();

    await expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
  });
});

test('gives up after 30 s when the function never answers', async () => {
  const received = Promise.withResolvers<void>();
  const silent = await serve(() => received.resolve());
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', silent.url);
  const clock = createVirtualClock();
  const options = { functionName: 'broker', account: 'nit-1', region: 'us-east-1', credentials: keys };
  const client = createTokenClient(options, { ...clock, random: () => 0 });
  const call = expect(client.getToken()).rejects.toMatchObject({
    code: 'broker_unreachable',
    message: 'broker_unreachable: The broker did not answer within 30000 ms.',
  });
  await received.promise;
  await clock.advance(30_000);

  await call;
  await silent.close();
});

test('rejects with the signal’s reason when the signal aborts during an invocation', async () => {
  answer = issued('token-a', 1799, { account: 'nit-1' });
  const controller = new AbortController();
  const call = getToken({ signal: controller.signal });
  controller.abort(new Error('aborted by the caller'));

  await expect(call).rejects.toThrow('aborted by the caller');
});
