// The login against servers with broken connections and certificates.
import type { Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Certificate, makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { watchClientSockets } from '../../../support/client/sockets.ts';
import { failure, granted, issued, logIn, token, upstreams } from '../../../support/fegora/login.ts';
import { afterRequest, answering, type Behaviour, httpAnswer } from '../../../support/fegora/raw-upstream.ts';

const upstream = upstreams();

let trusted: Certificate;
let expired: Certificate;
let otherHost: Certificate;
const ownAuthorities = getCACertificates('default');
beforeAll(async () => {
  const authority = await makeAuthority();
  trusted = await makeCertificate({ authority });
  expired = await makeCertificate({ authority, expired: true });
  otherHost = await makeCertificate({ authority, host: 'fegora.invalid' });
  setDefaultCACertificates([...ownAuthorities, authority.cert]);
});
afterAll(() => setDefaultCACertificates(ownAuthorities));

describe('promise 30: broken connections and certificates', () => {
  const whole = httpAnswer(200, token);
  const cut = failure('upstream_unavailable', 'unknown', 'the response was cut short');
  const reset = failure('upstream_unavailable', 'unknown', 'the connection failed: ECONNRESET');
  const garbage = (code: string) => failure('upstream_invalid_response', 'unknown', `the connection failed: ${code}`);
  const broken: readonly [string, Behaviour, object][] = [
    ['a truncated body', answering(whole.subarray(0, -1)), cut],
    ['a truncated chunk', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{'), cut],
    ['a malformed chunk', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'), cut],
    [
      'a reset in the body',
      afterRequest((socket) => socket.write(whole.subarray(0, -9), () => resetSoon(socket))),
      cut,
    ],
    ['a close without a response', afterRequest((socket) => socket.end()), reset],
    ['a reset without a response', afterRequest((socket) => socket.resetAndDestroy()), reset],
    ['a close in the head', answering(whole.subarray(0, 20)), reset],
    ['another protocol than HTTP', answering('SSH-2.0-OpenSSH\r\n'), garbage('HPE_INVALID_CONSTANT')],
    [
      'two content lengths',
      answering('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'),
      garbage('HPE_UNEXPECTED_CONTENT_LENGTH'),
    ],
  ];

  test.each(broken)(
    'promise 30: fails with the right code and sends one request when the server answers with %s',
    async (_, behaviour, outcome) => {
      const { url, connections } = await upstream(behaviour);

      expect(await logIn(url)).toEqual(outcome);
      // The function has sent the password, so it does not send it again.
      expect(connections()).toBe(1);
    },
  );

  test('promise 30: is unusable when a body without a length is cut short', async () => {
    const { url } = await upstream(answering('HTTP/1.1 200 OK\r\n\r\n', token.slice(0, -1)));

    expect(await logIn(url)).toEqual(
      failure('upstream_invalid_response', 'answered', 'the token response is unusable: it is not a JSON object'),
    );
  });

  test('ignores bytes after a complete response', async () => {
    const { url } = await upstream(answering(whole, '\r\nHTTP/1.1 500 x\r\n\r\n'));

    expect(await logIn(url)).toEqual(issued);
  });

  test('promise 30: tries twice when the name cannot be resolved', async () => {
    const sockets = watchClientSockets();
    const outcome = await logIn('https://fegora.invalid/token');

    expect(outcome).toMatchObject(
      failure('upstream_unavailable', 'no', expect.stringMatching(/^the connection failed: (ENOTFOUND|EAI_AGAIN)$/)),
    );
    expect(sockets).toHaveLength(2);
  });

  test('promise 30: tries twice when the connection is refused', async () => {
    const { url, close } = await upstream(() => {});
    await close();
    const sockets = watchClientSockets();
    const beforeFirstByte = vi.fn();

    expect(await logIn(url, { beforeFirstByte })).toEqual(
      failure('upstream_unavailable', 'no', 'the connection failed: ECONNREFUSED'),
    );
    expect(sockets).toHaveLength(2);
    expect(beforeFirstByte).not.toHaveBeenCalled();
  });

  test('promise 30: accepts a trusted certificate', async () => {
    const { url } = await upstream(answering(granted), trusted);

    expect(await logIn(url)).toEqual(issued);
  });

  test.each([
    ['self-signed', () => makeCertificate(), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['expired', async () => expired, 'CERT_HAS_EXPIRED'],
    ['for another host', async () => otherHost, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])(
    'promise 30: refuses a certificate that is %s, whatever the environment contains',
    async (_, certificate, code) => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      const { url, received } = await upstream(answering(granted), await certificate());
      const outcome = await logIn(url);
      vi.unstubAllEnvs();

      expect(outcome).toEqual(failure('upstream_tls', 'no', `the connection failed: ${code}`));
      expect(received()).toBe('');
    },
  );

  test('sends nothing when beforeFirstByte answers false after the TLS handshake', async () => {
    const { url, received } = await upstream(answering(granted), trusted);

    expect(await logIn(url, { beforeFirstByte: () => false })).toEqual({ kind: 'withheld' });
    expect(received()).toBe('');
  });

  test('promise 28: ends at the deadline when the server is silent after the TLS handshake', async () => {
    const { url } = await upstream(() => {}, trusted);
    const outcome = await logIn(url, { signal: AbortSignal.timeout(700) });

    expect(outcome).toEqual(failure('upstream_timeout', 'unknown', 'Fegora did not answer in time'));
  });

  test('is upstream_tls when the server does not speak TLS', async () => {
    const { url } = await upstream((socket) => socket.end(httpAnswer(400, '')));
    const outcome = await logIn(url.replace('http:', 'https:'));

    expect(outcome).toMatchObject({ reached: 'no', answer: 'upstream_tls' });
  });

  test('tries a second time when the connection is lost during the TLS handshake', async () => {
    let seen = 0;
    const { url, connections } = await upstream((socket) => {
      seen += 1;
      seen === 1 ? socket.destroy() : answering(granted)(new TLSSocket(socket, { isServer: true, ...trusted }));
    });

    expect(await logIn(url.replace('http:', 'https:'))).toEqual(issued);
    expect(connections()).toBe(2);
  });

  test('does not try a third time', async () => {
    const { url, connections } = await upstream((socket) => socket.destroy());

    expect(await logIn(url.replace('http:', 'https:'))).toEqual(
      failure('upstream_unavailable', 'no', 'the connection failed: ECONNRESET'),
    );
    expect(connections()).toBe(2);
  });

  /** Waits until the client has read the bytes before it: a reset discards bytes that are still in a buffer. */
  function resetSoon(socket: Socket): void {
    setTimeout(() => socket.resetAndDestroy(), 50);
  }
});
