// Tests what the client does after a connection that breaks off, with real servers. token-client.test.ts has the retries that the broker asks for.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { fingerprintOf, issued, keys } from '../../support/client/broker.ts';
import { impatientRuntime, rawResponse, startRawServer } from '../../support/client/raw-server.ts';

type Treat = (socket: Socket) => void;

const answer: Treat = (socket) => socket.end(rawResponse(issued('token-a', 1799, { account: 'main' }).body));
const reset: Treat = (socket) => socket.resetAndDestroy();
const close: Treat = (socket) => socket.end();
const resetInAnswer: Treat = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"access_token":', () => socket.resetAndDestroy());
};

/** Starts a server that treats its connections in this way, the last one again and again, and a client of it. */
async function start(kind: string, ...script: Treat[]) {
  const server = await startRawServer((socket, number) => script[Math.min(number, script.length) - 1]?.(socket));
  const runtime = impatientRuntime();
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', server.url);
  const target = kind === 'the API' ? { endpoint: server.url } : { functionName: 'broker' };
  const { getToken } = createTokenClient(
    { ...target, account: 'main', region: 'us-east-1', credentials: keys },
    runtime,
  );
  return { getToken, connections: server.connections, pauses: runtime.pauses };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(['the API', 'direct invocation'])('by %s', (kind) => {
  test.each([
    ['reset', reset],
    ['closed', close],
  ])('a token request is repeated once when its connection is %s before an answer', async (_, breakOff) => {
    const { getToken, connections, pauses } = await start(kind, breakOff, answer);

    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a' });
    expect([connections(), pauses]).toEqual([2, [100]]);
  });

  test('a token request is repeated only once when every connection is reset', async () => {
    const { getToken, connections } = await start(kind, reset);

    await expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
    expect(connections()).toBe(2);
  });

  test('a token request is not repeated when its connection is reset in the middle of the answer', async () => {
    const { getToken, connections } = await start(kind, resetInAnswer, answer);

    await expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
    expect(connections()).toBe(1);
  });

  test('a token request is not repeated when it reports a rejected token', async () => {
    const { getToken, connections } = await start(kind, answer, reset);
    await getToken();

    await expect(getToken({ rejected: fingerprintOf('token-a') })).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
    expect(connections()).toBe(2);
  });
});

test('a token request is not repeated when no server listens', async () => {
  const runtime = impatientRuntime();
  const settings = { endpoint: 'http://127.0.0.1:1', region: 'us-east-1', credentials: keys };

  await expect(createTokenClient(settings, runtime).getToken()).rejects.toMatchObject({ code: 'broker_unreachable' });
  expect(runtime.pauses).toEqual([]);
});
