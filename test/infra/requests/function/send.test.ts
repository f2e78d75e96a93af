// Tests which requests may have arrived (infra/requests/function/send.ts), with servers that break off at each point, also over TLS.
import { once } from 'node:events';
import { createServer as createPlainServer, type Socket } from 'node:net';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { parseEvent } from '../../../../infra/requests/function/event.ts';
import { send, Unanswered } from '../../../../infra/requests/function/send.ts';
import { type Certificate, makeAuthority, makeCertificate } from '../../../support/certificates.ts';

const ownAuthorities = getCACertificates('default');
let trusted: Certificate;
let untrusted: Certificate;
beforeAll(async () => {
  const authority = await makeAuthority();
  trusted = await makeCertificate({ authority });
  untrusted = await makeCertificate();
  setDefaultCACertificates([...ownAuthorities, authority.cert]);
});
afterAll(() => setDefaultCACertificates(ownAuthorities));

type Certified = 'plain' | 'trusted' | 'untrusted';

/** Starts a server that does this with each connection, and returns its origin and what it received. */
async function start(kind: Certified, act: (socket: Socket) => void) {
  const received: string[] = [];
  const accept = (socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => received.push(String(data)));
    act(socket);
  };
  const server =
    kind === 'plain'
      ? createPlainServer(accept)
      : createTlsServer({ ...(kind === 'trusted' ? trusted : untrusted) }, accept).on('tlsClientError', () => {});
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  return { origin: `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${Object(server.address()).port}`, received };
}

async function outcomeOf(origin: string, body = '{}') {
  const event = { method: 'POST', path: '/dte', body, headers: { 'content-type': 'application/json' } };
  try {
    const { status } = await send(parseEvent(event, origin), 'not-a-real-token', { timeoutMs: 5000, mostBytes: 1000 });
    return status;
  } catch (thrown) {
    return thrown instanceof Unanswered ? { isSent: thrown.isSent } : thrown;
  }
}

test.each([undefined, '0'])(
  'promise 53: a server without a good certificate gets nothing, with NODE_TLS_REJECT_UNAUTHORIZED=%s',
  async (value) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { origin, received } = await start('untrusted', () => {});

    expect(await outcomeOf(origin)).toEqual({ isSent: false });
    expect(received).toEqual([]);
  },
);

test.each(['plain', 'trusted'] as const)(
  'promise 53: %s: a request that a server read may have arrived',
  async (kind) => {
    const { origin, received } = await start(kind, (socket) => socket.once('data', () => socket.destroy()));

    expect(await outcomeOf(origin)).toEqual({ isSent: true });
    expect(received.join('')).toContain('POST /dte');
  },
);

test('promise 53: a connection that ends before the handshake has sent nothing', async () => {
  const { origin } = await start('plain', (socket) => socket.destroy());
  expect(await outcomeOf(origin.replace('http:', 'https:'))).toEqual({ isSent: false });
});

test.each([
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n', 201],
  ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n', 409],
  ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', { isSent: true }],
  ['HTTP/1.1 100 Continue\r\n\r\n', { isSent: true }],
  ['HTTP/1.1 201 Cre', { isSent: true }],
  ['HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nab', { isSent: true }],
  ['HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n', { isSent: true }],
  ['not HTTP\r\n\r\n', { isSent: true }],
])('promise 53: after %j the outcome is %j', async (answer, expected) => {
  const { origin } = await start('plain', (socket) => socket.once('data', () => socket.end(answer)));
  expect(await outcomeOf(origin)).toEqual(expected);
});

test('an answer before the body has gone out is taken', async () => {
  const refusal = 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  const { origin } = await start('plain', (socket) => socket.once('data', () => socket.pause().write(refusal)));
  expect(await outcomeOf(origin, `"${'x'.repeat(4_000_000)}"`)).toBe(413);
});

test('a new connection is used for each request', async () => {
  const sockets = new Set<Socket>();
  const { origin } = await start('trusted', (socket) => {
    sockets.add(socket);
    socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  expect([await outcomeOf(origin), await outcomeOf(origin), sockets.size]).toEqual([204, 204, 2]);
});
