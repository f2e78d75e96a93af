// Tests the function for requests (infra/requests/function/), with a real broker and a small API of Fegora.
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRequests } from '../../../../infra/requests/function/requests.ts';
import { type Capture, captureOutput } from '../../../support/capture.ts';
import { type RequestsSystem, requestsEnv, startRequestsSystem } from '../../../support/fegora/requests-system.ts';
import { passwordOf } from '../../../support/test-system.ts';

/** The beginning of every token of the simulator. */
const tokenMark = 'not-a-real-token-';

let system: RequestsSystem;
let output: Capture;
beforeEach(async () => {
  system = await startRequestsSystem();
  output = captureOutput();
});
afterEach(async () => {
  output.stop();
  await system.close();
});

const issue = { method: 'POST', path: '/dte', body: { numeroTransaccion: 7, receptor: 'not-a-real-person' } };
const lookUp = { method: 'GET', path: '/dte', query: { numeroTransaccion: 7 } };

/** The line of the function, without those of the broker. */
function lines() {
  return output.records().filter(({ service }) => service === 'fegora-requests');
}

describe('a request that succeeds', () => {
  test('gets the status, the headers and the parsed body of Fegora', async () => {
    const { result } = await system.request(issue);

    expect(result).toMatchObject({ status: 201, body: { numeroTransaccion: 7, anulado: false } });
    expect(result?.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' });
    expect(result?.headers).not.toHaveProperty('set-cookie');
    expect(system.api.calls).toMatchObject([{ method: 'POST', path: '/dte', body: JSON.stringify(issue.body) }]);
    expect(system.api.calls[0]?.headers).toMatchObject({ connection: 'close', 'content-type': 'application/json' });
  });

  test('takes its token from memory the next time', async () => {
    await system.request(issue);
    await system.request(lookUp);
    await system.request(lookUp, { alias: 'account-two' });

    expect(system.broker.invoked).toEqual(['account-one', 'account-two']);
  });

  test('promise 53: writes one line without query, header, body or token, and counts no failure', async () => {
    const { result } = await system.request({ ...issue, query: { nit: 'not-a-real-nit' } });

    expect(lines()).toEqual([
      {
        level: 'FATAL',
        message: 'request',
        timestamp: expect.any(String),
        service: 'fegora-requests',
        account: 'one',
        method: 'POST',
        path: '/dte',
        attempts: 1,
        token_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        status: 201,
        ms: expect.any(Number),
        request_id: 'request-1',
        outcome: 'done',
        RequestsFailed: 0,
        _aws: expect.objectContaining({
          CloudWatchMetrics: [
            { Namespace: 'FegoraTokenBroker', Dimensions: [['service']], Metrics: [{ Name: 'RequestsFailed' }] },
          ],
        }),
      },
    ]);
    expect(output.text()).not.toMatch(/not-a-real-(person|nit)/);
    expect(output.text() + JSON.stringify(result)).not.toContain(tokenMark);
  });

  test('gets a status that the request allows', async () => {
    const { result } = await system.request({ method: 'GET', path: '/dte/unknown', allow: [404] });
    expect(result).toMatchObject({ status: 404, body: { codigo: 'DTE-404' } });
  });
});

describe('a token that Fegora refuses', () => {
  test('is reported once, and the request is repeated with the new token', async () => {
    await system.request(lookUp);
    system.broker.servers.fegora.changeKey();
    const { result } = await system.request(issue);

    expect(result).toMatchObject({ status: 201 });
    expect(system.api.documents).toHaveLength(1);
    expect(system.api.refused()).toBe(1);
    expect(system.broker.servers.fegora.counters()).toMatchObject({ logins: 2 });
    expect(lines().at(-1)).toMatchObject({ attempts: 2, outcome: 'done' });
  });

  test('is FegoraRefused if the new one is refused too, and is not reported again for a minute', async () => {
    const refuse = { kind: 'answer', status: 401, body: {} } as const;
    system.api.addFaults(refuse, refuse, refuse);
    const { name, error } = await system.request(issue);
    const again = await system.request(issue);

    expect([name, error?.status, again.name]).toEqual(['FegoraRefused', 401, 'FegoraRefused']);
    expect(system.api.calls).toHaveLength(3);
    expect(system.broker.invoked).toHaveLength(2);
  });

  test('is the error of the broker if the broker gets no other one', async () => {
    await system.request(lookUp);
    system.broker.servers.fegora.changeKey();
    system.broker.servers.fegora.addFault({ kind: 'answer', status: 503, times: null });
    const first = await system.request(issue);
    const second = await system.request(issue);

    expect([first.name, first.error?.retryable]).toEqual(['UpstreamUnavailable', true]);
    // The cool-down has begun: the reason is the same, and not a refusal of the request.
    expect(second.name).toBe('UpstreamUnavailable');
    expect(system.api.documents).toEqual([]);
  });
});

describe('a failure of Fegora', () => {
  test('has its name, and is not repeated by the function', async () => {
    system.api.addFaults({ kind: 'answer', status: 503, headers: { 'retry-after': '7' } });
    const { name, error } = await system.request(issue);

    expect(name).toBe('FegoraUnavailable');
    expect(error).toMatchObject({ error: 'fegora_unavailable', status: 503, retryable: true, retry_after: 7 });
    expect(system.api.calls).toHaveLength(1);
    expect(lines()).toMatchObject([{ outcome: 'FegoraUnavailable', RequestsFailed: 1 }]);
  });

  test('a redirect is not followed', async () => {
    const headers = { location: `${system.api.origin}/dte` };
    system.api.addFaults({ kind: 'answer', status: 307, headers });
    expect(await system.request(issue)).toMatchObject({ name: 'FegoraRefused', error: { status: 307 } });
    expect(system.api.calls).toHaveLength(1);
  });

  test('FegoraRefused has codigo, mensaje and the answer of Fegora, and only the caller sees them', async () => {
    const body = { severidad: 'error', codigo: 'NIT-1', mensaje: 'El NIT no existe.', masInformacion: '' };
    system.api.addFaults({ kind: 'answer', status: 400, body });
    const { name, error } = await system.request(issue);

    expect(name).toBe('FegoraRefused');
    expect(error).toEqual({
      error: 'fegora_refused',
      error_description: 'Fegora refused the request with status 400: El NIT no existe.',
      retryable: false,
      status: 400,
      codigo: 'NIT-1',
      mensaje: 'El NIT no existe.',
      answer: body,
      request_id: 'request-1',
    });
    expect(lines()).toMatchObject([{ outcome: 'FegoraRefused', status: 400, RequestsFailed: 0 }]);
    expect(output.text()).not.toContain('El NIT');
  });

  test.each([
    ['POST', 'nothing', 'FegoraOutcomeUnknown'],
    ['POST', 'half', 'FegoraOutcomeUnknown'],
    ['PATCH', 'nothing', 'FegoraOutcomeUnknown'],
    ['GET', 'nothing', 'FegoraUnavailable'],
    ['PUT', 'half', 'FegoraUnavailable'],
  ] as const)('promise 53: %s that is cut after %s is sent once, and is %s', async (method, after, expected) => {
    system.api.addFaults({ kind: 'cut', after });
    const { name } = await system.request({ method, path: '/dte' });

    expect(name).toBe(expected);
    expect(system.api.calls).toHaveLength(1);
    expect(lines()).toMatchObject([{ outcome: expected, attempts: 1, RequestsFailed: 1 }]);
    expect(lines()[0]?.OutcomesUnknown).toBe(expected === 'FegoraOutcomeUnknown' ? 1 : undefined);
  });

  test('an answer over 200 KB is FegoraAnswerTooLarge, with its status, and not cut', async () => {
    system.api.addFaults({ kind: 'answer', status: 200, body: { text: 'x'.repeat(300_000) } });
    const { name, error } = await system.request(lookUp);
    expect([name, error?.status, error?.retryable]).toEqual(['FegoraAnswerTooLarge', 200, false]);
  });

  test('an answer that is over 200 KB only as a result is FegoraAnswerTooLarge too', async () => {
    system.api.addFaults({ kind: 'answer', status: 200, body: '"'.repeat(150_000) });
    expect((await system.request(lookUp)).name).toBe('FegoraAnswerTooLarge');
  });

  test('an answer that does not end is cut off', async () => {
    system.api.addFaults({ kind: 'endless' });
    expect((await system.request(lookUp, { remainingMs: 15_000 })).name).toBe('FegoraAnswerTooLarge');
  });

  test('a refusal over 200 KB keeps its meaning', async () => {
    system.api.addFaults({ kind: 'answer', status: 503, body: 'x'.repeat(300_000) });
    expect((await system.request(issue)).name).toBe('FegoraUnavailable');
  });
});

describe('without a connection', () => {
  test('a POST is FegoraUnavailable, because nothing was sent', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const address = closed.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await new Promise((resolve) => closed.close(resolve));
    const handler = createRequests({ env: requestsEnv(system.broker, `http://127.0.0.1:${port}`) });

    await expect(handler(issue, context())).rejects.toMatchObject({
      name: 'FegoraUnavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a POST is FegoraUnavailable if the server does not speak TLS', async () => {
    const origin = system.api.origin.replace('http:', 'https:');
    const handler = createRequests({ env: requestsEnv(system.broker, origin) });
    await expect(handler(issue, context())).rejects.toMatchObject({ name: 'FegoraUnavailable' });
    expect(system.api.calls).toEqual([]);
  });
});

function context(remainingMs = 60_000) {
  return {
    awsRequestId: 'request-1',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fegora-requests:account-one',
    getRemainingTimeInMillis: () => remainingMs,
  };
}

describe('time', () => {
  test('a POST without an answer ends before the function does, with FegoraOutcomeUnknown', async () => {
    const handler = createRequests({
      env: requestsEnv(system.broker, system.api.origin),
      leastMs: 100,
      reserveMs: 200,
    });
    await handler(lookUp, context());
    system.api.addFaults({ kind: 'hang' });
    const startedAt = performance.now();
    const endsAt = startedAt + 800;
    const short = { ...context(), getRemainingTimeInMillis: () => endsAt - performance.now() };

    await expect(handler(issue, short)).rejects.toMatchObject({ name: 'FegoraOutcomeUnknown' });
    expect(performance.now()).toBeLessThan(endsAt);
    expect(system.api.documents).toHaveLength(1);
  });

  test('nothing is sent if too little time is left for Fegora', async () => {
    const { name, error } = await system.request(issue, { remainingMs: 10_900 });
    expect([name, error?.retryable]).toEqual(['Deadline', true]);
    expect(system.api.calls).toEqual([]);
    expect(system.broker.invoked).toEqual([]);
  });

  test('a login that takes too long leaves time for the answer, and nothing is sent', async () => {
    system.broker.servers.fegora.set({ delayMs: 2000 });
    const { name } = await system.request(issue, { remainingMs: 11_300 });
    expect(name).toBe('Deadline');
    expect(system.api.calls).toEqual([]);
  });
});

describe('a failure of the broker', () => {
  test('has the name of the code and the text of the broker', async () => {
    system.broker.servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    const { name, error } = await system.request(issue);

    expect(name).toBe('CredentialsRejected');
    expect(error).toMatchObject({
      error: 'credentials_rejected',
      error_description: 'Fegora refuses the credentials of this account.',
      retryable: false,
    });
    expect(system.api.calls).toEqual([]);
    expect(output.text() + JSON.stringify(error)).not.toContain(passwordOf('one'));
  });

  test('that may pass is retryable', async () => {
    await system.broker.gateway.close();
    const { name, error } = await system.request(issue);
    expect([name, error?.retryable]).toEqual(['BrokerUnreachable', true]);
  });
});

describe('authority', () => {
  test.each(['', 'live', 'account-', 'account-ONE', 'ACCOUNT-one'])(
    'promise 53: the alias %j is Forbidden, and nothing is sent',
    async (alias) => {
      expect((await system.request(issue, { alias })).name).toBe('Forbidden');
      expect([system.broker.invoked, system.api.calls]).toEqual([[], []]);
    },
  );

  test('promise 53: the event cannot name another account', async () => {
    expect((await system.request({ ...issue, account: 'two' })).name).toBe('InvalidRequest');
    expect(system.broker.invoked).toEqual([]);
  });

  test('promise 53: a role without the right on the account of the alias is Forbidden, and nothing is sent', async () => {
    const handler = createRequests({ env: requestsEnv(system.broker, system.api.origin, 'first') });
    const two = { ...context(), invokedFunctionArn: context().invokedFunctionArn.replace(/one$/, 'two') };

    await expect(handler(issue, two)).rejects.toMatchObject({ name: 'Forbidden' });
    // Only the operator can correct that.
    expect(lines()).toMatchObject([{ outcome: 'Forbidden', account: 'two', RequestsFailed: 1 }]);
    await expect(handler(issue, context())).resolves.toMatchObject({ status: 201 });
    expect(system.api.documents).toHaveLength(1);
  });
});

test.each([
  [200, false],
  [400, false],
  [200, true],
  [400, true],
])(
  'promise 53: a token that Fegora repeats with status %d, with escapes of JSON: %s, is in no result and no error',
  async (status, isEscaped) => {
    system.api.addFaults({ kind: 'echo', status, isEscaped });
    const outcome = await system.request(lookUp);

    expect(JSON.stringify(outcome)).toContain('got Bearer [token]');
    expect(JSON.stringify(outcome) + output.text()).not.toContain(tokenMark);
  },
);

test('promise 53: a token that Fegora repeats in a body that is not text is not in its base64', async () => {
  system.api.addFaults({ kind: 'echo', status: 200, type: 'application/pdf' });
  const { result } = await system.request(lookUp);

  expect(result?.encoding).toBe('base64');
  expect(Buffer.from(String(result?.body), 'base64').toString()).toBe('{"mensaje":"got Bearer [token]"}');
});

test('promise 53: no part of a token that a long message of Fegora repeats is in the error', async () => {
  system.api.addFaults({ kind: 'echo', status: 400, before: `${'x'.repeat(460)} ` });
  const { error } = await system.request(lookUp);

  expect(error?.error_description).toMatch(/^Fegora refused the request with status 400: x{460} got Bearer \[token\]/);
  expect(JSON.stringify(error)).not.toContain('not-a-real');
});

test('the text of an error is at most 600 characters', async () => {
  system.api.addFaults({ kind: 'answer', status: 400, body: { mensaje: 'x'.repeat(5000) } });
  const { error } = await system.request(lookUp);
  expect(error?.error_description).toHaveLength(600);
});

test.each([
  ['POST', 'FegoraOutcomeUnknown'],
  ['GET', 'Internal'],
] as const)(
  'promise 53: a fault of ours after a %s was sent is %s, and the log says where it is',
  async (method, name) => {
    const left = [60_000, 60_000];
    const getRemainingTimeInMillis = () => left.pop() ?? fail();
    system.api.addFaults({ kind: 'answer', status: 401, body: {} });
    await expect(
      system.handler({ method, path: '/dte' }, { ...context(), getRemainingTimeInMillis }),
    ).rejects.toMatchObject({ name });

    expect(lines()).toMatchObject([{ outcome: name, attempts: 2, fault: expect.arrayContaining(['RangeError']) }]);
    expect(output.text()).not.toContain('not-a-real-message');
  },
);

function fail(): never {
  throw new RangeError('not-a-real-message');
}

test('an origin with a path is refused, and nothing is sent', () => {
  const env = { ...requestsEnv(system.broker, system.api.origin), FEGORA_ORIGIN: 'https://api.fegora.com/v1' };
  expect(() => createRequests({ env })).toThrow('FEGORA_ORIGIN: the URL has a path. Set only the origin');
});

test('a fault of ours is Internal, and the log says where it is, without its message', async () => {
  const handler = createRequests({
    env: { ...requestsEnv(system.broker, system.api.origin), AWS_REGION: 'not a region' },
  });
  await expect(handler(issue, context())).rejects.toMatchObject({ name: 'Internal' });

  expect(lines()).toMatchObject([{ outcome: 'Internal', RequestsFailed: 1 }]);
  expect(lines()[0]?.fault).toEqual(expect.arrayContaining(['TypeError', expect.stringMatching(/^at .*options\.ts/)]));
  expect(output.text()).not.toContain('not a region');
});

test('a thrown error has no enumerable member and no stack', async () => {
  const thrown = await system.handler(issue, { ...context(), invokedFunctionArn: '' }).catch((error: unknown) => error);
  expect(Object.keys(Object(thrown))).toEqual([]);
  expect(Object(thrown).stack).toBe('Forbidden');
});
