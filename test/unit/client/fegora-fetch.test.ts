import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { fegoraFetch } from '../../../client/fegora-fetch.ts';
import { createFegoraFetch, type GetTokenOptions, TokenBrokerError, type TokenClient } from '../../../client/index.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { fingerprintOf, noon } from '../../support/client/broker.ts';

const open: LoopbackServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

/** A server for the API that accepts one token and answers 401 to all others. */
async function api(accepted: string, answer: { status: number; location?: string } = { status: 200 }) {
  const calls: { method: string; path: string; bearer: string; body: string; kind: string }[] = [];
  const server = await serve(async (request, response) => {
    const { authorization = '', 'content-type': kind = '' } = request.headers;
    const body = await text(request);
    calls.push({ method: request.method ?? '', path: request.url ?? '', bearer: authorization.slice(7), body, kind });
    if (authorization !== `Bearer ${accepted}`) {
      response.writeHead(401).end('refused');
    } else {
      response.writeHead(answer.status, answer.location ? { location: answer.location } : {}).end('done');
    }
  });
  open.push(server);
  return { url: server.url, calls };
}

/** A token client that returns token-a, and the replacement after a report of token-a. */
function tokens(replacement: 'token-a' | 'token-b' | Error = 'token-b') {
  const requests: GetTokenOptions[] = [];
  const client: TokenClient = {
    getToken: async (options = {}) => {
      requests.push(options);
      if (options.rejected !== undefined && replacement instanceof Error) {
        throw replacement;
      }
      const accessToken = options.rejected === undefined ? 'token-a' : String(replacement);
      return { accessToken, fingerprint: fingerprintOf(accessToken), expiresAt: noon, account: 'a' };
    },
  };
  return { client, requests };
}

function fegora(origin: string, client: TokenClient) {
  return createFegoraFetch(client, undefined, { origin });
}

describe('the token', () => {
  test('is added to a request, and method, path, query, headers and body stay the same', async () => {
    const { url, calls } = await api('token-a');
    const headers = { 'content-type': 'application/json', authorization: 'Bearer of-the-caller' };
    const response = await fegora(url, tokens().client)('/dte?x=1', { method: 'POST', body: '{"a":1}', headers });

    expect([response.status, await response.text()]).toEqual([200, 'done']);
    expect(calls).toEqual([
      { method: 'POST', path: '/dte?x=1', bearer: 'token-a', body: '{"a":1}', kind: 'application/json' },
    ]);
  });

  test('goes over a new connection, unless the request has a header connection', async () => {
    const connections: unknown[] = [];
    const server = await serve((request, response) => {
      connections.push(request.headers.connection);
      response.end();
    });
    open.push(server);
    const send = fegora(server.url, tokens().client);
    await send('/dte', { method: 'POST', body: 'a' });
    await send(new Request(`${server.url}/dte`));
    await send('/dte', { headers: { Connection: 'keep-alive' } });

    expect(connections).toEqual(['close', 'close', 'keep-alive']);
  });

  test('is added to a Request, and its headers stay the same', async () => {
    const { url, calls } = await api('token-a');
    const request = new Request(`${url}/dte`, { method: 'PUT', body: '{}', headers: { 'content-type': 'text/x-a' } });
    await fegora(url, tokens().client)(request);

    expect(calls).toEqual([{ method: 'PUT', path: '/dte', bearer: 'token-a', body: '{}', kind: 'text/x-a' }]);
  });

  test.each([
    'https://api.fegora.com.example.org/dte',
    'https://example.org',
    'http://api.fegora.com/dte',
    '//example.org/dte',
    '\\\\example.org\\dte',
    'https://api.fegora.com:8443/dte',
    'https://api.fegora.com@example.org/dte',
    'data:text/plain,a',
  ])('never goes to %s', async (url) => {
    const { client, requests } = tokens();
    const sent: unknown[] = [];
    const call = createFegoraFetch(client, async (...request) => {
      sent.push(request);
      return new Response();
    })(url);

    await expect(call).rejects.toThrow('the token goes to https://api.fegora.com only');
    expect([requests, sent]).toEqual([[], []]);
  });

  test('goes to Fegora when the options name no origin', async () => {
    const sent: string[] = [];
    const record: typeof fetch = async (input) => {
      sent.push(String(input));
      return new Response();
    };
    await createFegoraFetch(tokens().client, record)('/contribuyente/25365421');

    expect(sent).toEqual(['https://api.fegora.com/contribuyente/25365421']);
  });

  test.each([301, 302, 303, 307, 308])('and the body do not follow a %d', async (status) => {
    const elsewhere = await api('token-a');
    const { url, calls } = await api('token-a', { status, location: `${elsewhere.url}/stolen` });
    const response = await fegora(url, tokens().client)('/dte', { method: 'POST', body: '{}', redirect: 'follow' });

    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBe(`${elsewhere.url}/stolen`);
    expect([calls.length, elsewhere.calls.length]).toEqual([1, 0]);
  });

  test('does not follow a redirect when the caller wants redirects to fail', async () => {
    const { url } = await api('token-a', { status: 302, location: '/' });

    await expect(fegora(url, tokens().client)('/dte', { redirect: 'error' })).rejects.toThrow('fetch failed');
  });
});

describe('a 401', () => {
  test('is reported, and the request is repeated once with the new token', async () => {
    const { url, calls } = await api('token-b');
    const { client, requests } = tokens();
    const response = await fegora(url, client)('/dte', { method: 'POST', body: '{"a":1}' });

    expect(response.status).toBe(200);
    expect(calls.map(({ bearer, body }) => [bearer, body])).toEqual([
      ['token-a', '{"a":1}'],
      ['token-b', '{"a":1}'],
    ]);
    expect(requests.map(({ rejected }) => rejected)).toEqual([undefined, fingerprintOf('token-a')]);
  });

  test('is the result when the new token gets one too', async () => {
    const { url, calls } = await api('token-z');
    const { client, requests } = tokens();
    const response = await fegora(url, client)('/dte');

    expect([response.status, await response.text()]).toEqual([401, 'refused']);
    expect([calls.length, requests.length]).toEqual([2, 2]);
  });

  test.each([
    ['the broker has no other token', 'token-a' as const],
    ['the broker refuses', new TokenBrokerError('too_many_rejections', 'no')],
  ])('is the result, with its body, when %s', async (_, replacement) => {
    const { url, calls } = await api('token-z');
    const response = await fegora(url, tokens(replacement).client)('/dte');

    expect([response.status, await response.text()]).toEqual([401, 'refused']);
    expect(calls).toHaveLength(1);
  });

  test.each([
    ['form', () => new URLSearchParams({ a: '1' })],
    ['bytes', () => new TextEncoder().encode('a=1')],
    ['blob', () => new Blob(['a=1'])],
    ['buffer', () => new TextEncoder().encode('a=1').buffer],
  ])('causes a repetition of a request whose body is a %s', async (_, body) => {
    const { url, calls } = await api('token-b');
    await fegora(url, tokens().client)('/dte', { method: 'POST', body: body() });

    expect(calls.map((call) => call.body)).toEqual(['a=1', 'a=1']);
  });

  test('is reported but causes no repetition when the body is a stream', async () => {
    const { url, calls } = await api('token-b');
    const { client, requests } = tokens();
    const stream = new Blob(['a=1']).stream();
    const response = await fegora(url, client)('/dte', { method: 'POST', body: stream, duplex: 'half' });

    expect(response.status).toBe(401);
    expect([calls.length, requests.length]).toEqual([1, 2]);
  });

  test('causes a repetition of a Request only when the Request has no body', async () => {
    const { url, calls } = await api('token-b');
    const send = fegora(url, tokens().client);
    const withBody = await send(new Request(`${url}/dte`, { method: 'POST', body: 'a=1' }));
    const without = await send(new Request(`${url}/dte`));

    expect([withBody.status, without.status, calls.length]).toEqual([401, 200, 3]);
  });

  test('causes a repetition also when its own body breaks off', async () => {
    const replies = [
      () => new Response(new ReadableStream({ start: (body) => body.error(new Error('broken off')) }), { status: 401 }),
      () => new Response('done'),
    ];
    const send = createFegoraFetch(tokens().client, async () => replies.shift()?.() ?? new Response());

    expect(await (await send('/dte')).text()).toBe('done');
  });

  test('is reported once a minute, not at every call, when the path refuses every token', async () => {
    let now = noon;
    let current = 0;
    const requests: GetTokenOptions[] = [];
    const client: TokenClient = {
      getToken: async (options = {}) => {
        requests.push(options);
        current += options.rejected === undefined ? 0 : 1;
        const accessToken = `token-${current}`;
        return { accessToken, fingerprint: fingerprintOf(accessToken), expiresAt: noon, account: 'a' };
      },
    };
    const send = fegoraFetch(
      client,
      async () => new Response('', { status: 401 }),
      {},
      () => now,
    );
    const reports = () => requests.filter(({ rejected }) => rejected !== undefined).length;
    for (let call = 0; call < 5; call += 1) {
      expect((await send('/no-right')).status).toBe(401);
    }
    expect(reports()).toBe(1);
    now += 60_000;
    await send('/no-right');

    expect(reports()).toBe(2);
  });

  test.each([
    ['refuses', new TokenBrokerError('credentials_rejected', 'no'), 60],
    [
      'names a time of 20 s',
      new TokenBrokerError('upstream_unavailable', 'later', { retryable: true, retryAfter: 20 }),
      20,
    ],
    [
      'names a time of 200 s',
      new TokenBrokerError('too_many_rejections', 'later', { retryable: true, retryAfter: 200 }),
      60,
    ],
    ['is unreachable', new TokenBrokerError('broker_unreachable', 'gone', { retryable: true }), 5],
    ['has no other token', 'token-a' as const, 60],
  ])('is not reported again during the cooldown when the broker %s', async (_, replacement, seconds) => {
    let now = noon;
    const { client, requests } = tokens(replacement);
    const unauthorized = async () => new Response('', { status: 401 });
    const send = fegoraFetch(client, unauthorized, {}, () => now);
    const reports = () => requests.filter(({ rejected }) => rejected !== undefined).length;
    await send('/dte');
    now += seconds * 1000 - 1;
    await send('/dte');
    expect(reports()).toBe(1);
    now += 1;
    await send('/dte');

    expect(reports()).toBe(2);
  });

  test('is the only status that is reported: a 403 is the result', async () => {
    const { url } = await api('token-a', { status: 403 });
    const { client, requests } = tokens();

    expect((await fegora(url, client)('/dte')).status).toBe(403);
    expect(requests).toHaveLength(1);
  });
});

test.each(['http://api.fegora.com', 'ftp://127.0.0.1', 'api.fegora.com', 'https://a:b@api.fegora.com'])(
  'promise 57: createFegoraFetch refuses the origin %s',
  (origin) => {
    expect(() => createFegoraFetch(tokens().client, undefined, { origin })).toThrow(TypeError);
  },
);

test('createFegoraFetch refuses an origin with a path, which no request would have', () => {
  const create = (origin: string) => () => createFegoraFetch(tokens().client, undefined, { origin });

  expect(create('https://proxy.example/fegora')).toThrow('origin: the URL has a path. Pass https://proxy.example, and');
  expect(create('https://proxy.example/')).not.toThrow();
});

test('refuses a Request as init, because its method and body would be lost', async () => {
  const { client, requests } = tokens();
  const options = new Request('https://api.fegora.com/dte', { method: 'POST', body: '{}' });

  await expect(createFegoraFetch(client)('/dte', options)).rejects.toThrow(TypeError);
  expect(requests).toEqual([]);
});

describe('a signal', () => {
  test('of a Request does not count when init has the signal null, as in fetch', async () => {
    const { url } = await api('token-a');
    const { client, requests } = tokens();
    await fegora(url, client)(new Request(`${url}/dte`, { signal: new AbortController().signal }), { signal: null });

    expect(requests[0]?.signal).toBeUndefined();
  });

  test('is passed to the token client from init and from a Request', async () => {
    const { url } = await api('token-b');
    const { client, requests } = tokens();
    const { signal } = new AbortController();
    await fegora(url, client)('/dte', { signal });
    const request = new Request(`${url}/dte`, { signal });
    await fegora(url, client)(request);

    expect(requests.map((options) => options.signal)).toEqual([signal, signal, request.signal, request.signal]);
  });

  test('ends the call also while the token is replaced', async () => {
    const { url, calls } = await api('token-b');
    const controller = new AbortController();
    const { client } = tokens();
    const aborting: TokenClient = {
      getToken: async (options) => {
        if (options?.rejected !== undefined) {
          controller.abort(new Error('aborted by the caller'));
          throw controller.signal.reason;
        }
        return client.getToken(options);
      },
    };

    await expect(fegora(url, aborting)('/dte', { signal: controller.signal })).rejects.toThrow('aborted by the caller');
    expect(calls).toHaveLength(1);
  });
});

test('sends nothing when there is no token', async () => {
  const { url, calls } = await api('token-a');
  const refused = new TokenBrokerError('forbidden', 'no');
  const client: TokenClient = { getToken: () => Promise.reject(refused) };

  await expect(fegora(url, client)('/dte')).rejects.toBe(refused);
  expect(calls).toEqual([]);
});
