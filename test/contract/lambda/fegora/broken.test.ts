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
    ['truncated body', answering(whole.subarray(0, -1)), cut],
    ['truncated chunk', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{'), cut],
    ['bad chunk', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'), cut],
    ['reset mid-body', afterRequest((socket) => socket.write(whole.subarray(0, -9), () => resetSoon(socket))), cut],
    ['closed without an answer', afterRequest((socket) => socket.end()), reset],
    ['reset without an answer', afterRequest((socket) => socket.resetAndDestroy()), reset],
    ['closed in the head', answering(whole.subarray(0, 20)), reset],
    ['no HTTP', answering('SSH-2.0-OpenSSH\r\n'), garbage('HPE_INVALID_CONSTANT')],
    [
      'two lengths',
      answering('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'),
      garbage('HPE_UNEXPECTED_CONTENT_LENGTH'),
    ],
  ];

  test.each(broken)('promise 30: %s', async (_, behaviour, outcome) => {
    const { url, connections } = await upstream(behaviour);

    expect(await logIn(url)).toEqual(outcome);
    // Whoever has sent the password does not send it again.
    expect(connections()).toBe(1);
  });

  test('promise 30: a body without a length, cut short, is no token response', async () => {
    const { url } = await upstream(answering('HTTP/1.1 200 OK\r\n\r\n', token.slice(0, -1)));

    expect(await logIn(url)).toEqual(
      failure('upstream_invalid_response', 'answered', 'the token response is unusable: it is not a JSON object'),
    );
  });

  test('bytes after a whole answer do not matter', async () => {
    const { url } = await upstream(answering(whole, '\r\nHTTP/1.1 500 x\r\n\r\n'));

    expect(await logIn(url)).toEqual(issued);
  });

  test('promise 30: name not found, tried twice', async () => {
    const sockets = watchClientSockets();
    const outcome = await logIn('https://fegora.invalid/token');

    expect(outcome).toMatchObject(
      failure('upstream_unavailable', 'no', expect.stringMatching(/^the connection failed: (ENOTFOUND|EAI_AGAIN)$/)),
    );
    expect(sockets).toHaveLength(2);
  });

  test('promise 30: refused, tried twice', async () => {
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

  test('promise 30: a trusted certificate is taken', async () => {
    const { url } = await upstream(answering(granted), trusted);

    expect(await logIn(url)).toEqual(issued);
  });

  test.each([
    ['self-signed', () => makeCertificate(), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['expired', async () => expired, 'CERT_HAS_EXPIRED'],
    ['for another host', async () => otherHost, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('promise 30: a certificate that is %s is not, whatever the environment says', async (_, certificate, code) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { url, received } = await upstream(answering(granted), await certificate());
    const outcome = await logIn(url);
    vi.unstubAllEnvs();

    expect(outcome).toEqual(failure('upstream_tls', 'no', `the connection failed: ${code}`));
    expect(received()).toBe('');
  });

  test('a login may be called off when TLS stands', async () => {
    const { url, received } = await upstream(answering(granted), trusted);
    const reason = new Error('too late');
    const beforeFirstByte = (): never => {
      throw reason;
    };

    await expect(logIn(url, { beforeFirstByte })).rejects.toBe(reason);
    expect(received()).toBe('');
  });

  test('promise 28: silence after TLS is cut at the deadline', async () => {
    const { url } = await upstream(() => {}, trusted);
    const outcome = await logIn(url, { signal: AbortSignal.timeout(700) });

    expect(outcome).toEqual(failure('upstream_timeout', 'unknown', 'Fegora did not answer in time'));
  });

  test('no TLS on the other side is a matter of TLS', async () => {
    const { url } = await upstream((socket) => socket.end(httpAnswer(400, '')));
    const outcome = await logIn(url.replace('http:', 'https:'));

    expect(outcome).toMatchObject({ reached: 'no', answer: 'upstream_tls' });
  });

  test('a connection lost before TLS stands is tried once more', async () => {
    let seen = 0;
    const { url, connections } = await upstream((socket) => {
      seen += 1;
      seen === 1 ? socket.destroy() : answering(granted)(new TLSSocket(socket, { isServer: true, ...trusted }));
    });

    expect(await logIn(url.replace('http:', 'https:'))).toEqual(issued);
    expect(connections()).toBe(2);
  });

  test('and no more than once', async () => {
    const { url, connections } = await upstream((socket) => socket.destroy());

    expect(await logIn(url.replace('http:', 'https:'))).toEqual(
      failure('upstream_unavailable', 'no', 'the connection failed: ECONNRESET'),
    );
    expect(connections()).toBe(2);
  });

  /** When the bytes before it have surely been read: a reset overtakes what still lies in a buffer. */
  function resetSoon(socket: Socket): void {
    setTimeout(() => socket.resetAndDestroy(), 50);
  }
});
