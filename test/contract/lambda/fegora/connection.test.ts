// The connection that is opened before a login: slow, stalled, closed, dead and used twice.
import { type Socket, connect as tcpConnect } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLogin } from '../../../../lambda/fegora/password-grant.ts';
import { type Certificate, makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { watchClientSockets } from '../../../support/client/sockets.ts';
import { ended, startUpstreamThread } from '../../../support/fegora/frozen.ts';
import {
  connect,
  credentials,
  failure,
  granted,
  issued,
  pollOptions,
  upstreams,
} from '../../../support/fegora/login.ts';
import { answering, type Behaviour, httpAnswer } from '../../../support/fegora/raw-upstream.ts';
import { settle } from '../../../support/virtual-clock.ts';

const upstream = upstreams();

let trusted: Certificate;
const ownAuthorities = getCACertificates('default');
beforeAll(async () => {
  const authority = await makeAuthority();
  trusted = await makeCertificate({ authority });
  setDefaultCACertificates([...ownAuthorities, authority.cert]);
});
afterAll(() => setDefaultCACertificates(ownAuthorities));

const sendOptions = () => ({ signal: AbortSignal.timeout(20_000), beforeFirstByte: vi.fn(() => true) });

describe('promise 79: the handshake', () => {
  test('promise 79: a login succeeds when the TLS handshake takes 2.2 s', async () => {
    const target = await upstream(answering(granted), trusted);
    const slow = await upstream(forwardedAfter(2200, target.port));
    const from = performance.now();
    const connection = await connect(slow.url.replace('http:', 'https:'));

    expect(performance.now() - from).toBeGreaterThan(2190);
    expect(target.received()).toBe('');
    expect(await connection.send(credentials, sendOptions())).toEqual(issued);
  });

  test.each(['over TLS', 'without TLS'])(
    'promise 79: opens without a byte of the request and waits for send (%s)',
    async (kind) => {
      const { url, received, open } = await upstream(answering(granted), kind === 'over TLS' ? trusted : undefined);
      const connection = await connect(url);
      await expect.poll(open, pollOptions).toBe(1);

      expect(received()).toBe('');
      expect(await connection.send(credentials, sendOptions())).toEqual(issued);
      await expect.poll(open, pollOptions).toBe(0);
    },
  );

  test('promise 79: is upstream_timeout and sends nothing of the password when the TLS handshake stalls', async () => {
    const { url, received, open } = await upstream(() => {});
    const login = createLogin({ tokenUrl: url.replace('http:', 'https:'), now: Date.now });
    const outcome = await login(AbortSignal.timeout(300));

    expect(outcome).toEqual(failure('upstream_timeout', 'no', 'the connection to Fegora was not open in time'));
    await expect.poll(open, pollOptions).toBe(0);
    expect(received()).not.toContain(credentials.password);
    expect(received()).not.toContain('POST');
  });

  test('promise 79: is upstream_timeout when the system gives up on the connection', async () => {
    const sockets = watchClientSockets();
    const { url } = await upstream(() => {});
    const outcome = createLogin({ tokenUrl: url.replace('http:', 'https:'), now: Date.now })(
      AbortSignal.timeout(20_000),
    );
    for (const attempt of [0, 1]) {
      await expect.poll(() => sockets.length, pollOptions).toBe(attempt + 1);
      sockets[attempt]?.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }));
    }

    expect(await outcome).toEqual(failure('upstream_timeout', 'no', 'the connection failed: ETIMEDOUT'));
  });

  test('ends the wait for the handshake only: a signal that aborts later does not touch the connection', async () => {
    const opening = new AbortController();
    const { url } = await upstream(answering(granted));
    const connection = await createLogin({ tokenUrl: url, now: Date.now })(opening.signal);
    opening.abort();

    expect(connection.kind === 'connected' && (await connection.send(credentials, sendOptions()))).toEqual(issued);
  });

  /** Forwards the connection to another port, after a time without a byte. */
  function forwardedAfter(ms: number, port: number): Behaviour {
    return (socket) => {
      socket.pause();
      setTimeout(() => socket.pipe(tcpConnect(port, '127.0.0.1')).pipe(socket), ms);
    };
  }
});

describe('close', () => {
  test('ends the connection without a byte when nothing was sent', async () => {
    const { url, received, open } = await upstream(answering(granted), trusted);
    const connection = await connect(url);
    await expect.poll(open, pollOptions).toBe(1);
    connection.close();

    await expect.poll(open, pollOptions).toBe(0);
    expect(received()).toBe('');
  });

  test('does nothing after send', async () => {
    const { url } = await upstream(answering(granted));
    const connection = await connect(url);
    const outcome = await connection.send(credentials, sendOptions());
    connection.close();
    connection.close();

    expect(outcome).toEqual(issued);
  });

  test('makes a later send fail without a byte', async () => {
    const { url, received } = await upstream(answering(granted));
    const connection = await connect(url);
    connection.close();
    const options = sendOptions();

    expect(await connection.send(credentials, options)).toMatchObject({
      answer: 'upstream_unavailable',
      reached: 'no',
    });
    expect(options.beforeFirstByte).not.toHaveBeenCalled();
    expect(received()).toBe('');
  });
});

describe('send over a connection that died', () => {
  const ends: readonly [string, (socket: Socket) => void][] = [
    ['closed it', (socket) => socket.end()],
    ['reset it', (socket) => socket.resetAndDestroy()],
    ['answered 408 and closed it', (socket) => socket.end(httpAnswer(408))],
    ['began to answer', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{')],
    ['changed the protocol', (socket) => socket.end('HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n')],
  ];

  test.each(ends)('sends nothing and says so when the server %s before', async (_, end) => {
    const sockets: Socket[] = [];
    const { url, received } = await upstream((socket) => sockets.push(socket));
    const connection = await connect(url);
    await expect.poll(() => sockets.length, pollOptions).toBe(1);
    sockets.forEach(end);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const options = sendOptions();

    expect(await connection.send(credentials, options)).toMatchObject({
      answer: 'upstream_unavailable',
      reached: 'no',
    });
    expect(options.beforeFirstByte).not.toHaveBeenCalled();
    expect(received()).toBe('');
  });

  test.each(['over TLS', 'without TLS'])(
    'promise 26: sends nothing and says so when the server closed it during a freeze (%s)',
    async (kind) => {
      const certificate = kind === 'over TLS' ? trusted : undefined;
      const { tokenUrl, freezeUntil, stop } = await startUpstreamThread({
        answerAfterMs: 0,
        idleMs: 0,
        unusedMs: 100,
        certificate,
      });
      const connection = await connect(tokenUrl);
      // The end of the TLS handshake goes out in the next turn.
      await settle();
      expect(freezeUntil(ended, 1)).toBe(true);
      const options = sendOptions();
      const outcome = await connection.send(credentials, options);
      await stop();

      expect(outcome).toMatchObject({ answer: 'upstream_unavailable', reached: 'no' });
      expect(options.beforeFirstByte).not.toHaveBeenCalled();
    },
  );

  test('cannot tell whether Fegora got the password when the server closes at the first byte', async () => {
    const sockets: Socket[] = [];
    const { url } = await upstream((socket) => sockets.push(socket));
    const connection = await connect(url);
    await expect.poll(() => sockets.length, pollOptions).toBe(1);
    const closing = () => {
      sockets[0]?.destroy();
      return true;
    };

    expect(await connection.send(credentials, { ...sendOptions(), beforeFirstByte: closing })).toMatchObject({
      answer: 'upstream_unavailable',
      reached: 'unknown',
    });
  });

  test('sends nothing when the time was up before', async () => {
    const { url, received, open } = await upstream(answering(granted));
    const connection = await connect(url);
    const options = { ...sendOptions(), signal: AbortSignal.abort() };

    expect(await connection.send(credentials, options)).toEqual(
      failure('upstream_timeout', 'no', 'Fegora did not answer in time'),
    );
    expect(options.beforeFirstByte).not.toHaveBeenCalled();
    await expect.poll(open, pollOptions).toBe(0);
    expect(received()).toBe('');
  });
});

test('send sends one login when it is called twice', async () => {
  const { url, received } = await upstream(answering(granted));
  const connection = await connect(url);
  await connection.send(credentials, sendOptions());
  const again = sendOptions();

  expect(await connection.send(credentials, again)).toMatchObject({ kind: 'failed', reached: 'no' });
  expect(again.beforeFirstByte).not.toHaveBeenCalled();
  expect(received().match(/POST/g)).toHaveLength(1);
});
