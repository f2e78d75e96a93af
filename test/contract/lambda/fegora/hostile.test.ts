// The login against servers that are slow or send without limit.
import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { assert, beforeEach, describe, expect, test, vi } from 'vitest';
import { full } from '../../../support/counts.ts';
import { failure, granted, issued, logIn, pollOptions, token, upstreams } from '../../../support/fegora/login.ts';
import {
  afterRequest,
  answering,
  type Behaviour,
  drip,
  httpAnswer,
  pour,
  type RawUpstream,
} from '../../../support/fegora/raw-upstream.ts';

const upstream = upstreams();

describe('promise 28: a login that ends at the deadline', () => {
  const half = '\r\nContent-Type: application/json\r\nX-Half: ';
  const slow: readonly [string, Behaviour, 'no' | 'unknown'][] = [
    ['accepts and is silent', () => {}, 'unknown'],
    ['sends half of the headers', afterRequest((socket) => socket.write(`HTTP/1.1 200 OK${half}`)), 'unknown'],
    ['sends half of a status line', afterRequest((socket) => socket.write('HTTP/1.1 2')), 'unknown'],
    ['sends the head byte by byte', afterRequest((socket) => dripAfter(socket, `HTTP/1.1 200 OK${half}`)), 'unknown'],
    [
      'sends the body byte by byte',
      afterRequest((socket) => dripAfter(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n')),
      'unknown',
    ],
    ['sends interim responses without end', afterRequest((socket) => interim(socket)), 'unknown'],
    [
      'changes the protocol',
      afterRequest((socket) => socket.write('HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n')),
      'unknown',
    ],
  ];

  test.each(slow)('promise 28: ends at the deadline when the server %s', async (_, behaviour, reached) => {
    const { url, connections, open } = await upstream(behaviour);

    await expectCut(url, reached);
    expect(connections()).toBe(1);
    await expect.poll(open, pollOptions).toBe(0);
  });

  test('promise 28: ends at the deadline when the TLS handshake stalls', async () => {
    const { url, connections, open } = await upstream(() => {});

    await expectCut(url.replace('http:', 'https:'), 'no');
    expect(connections()).toBe(1);
    await expect.poll(open, pollOptions).toBe(0);
  });

  test('opens no connection when the deadline has passed', async () => {
    const { url, connections } = await upstream(answering(granted));
    const beforeFirstByte = vi.fn();
    const outcome = await logIn(url, { signal: AbortSignal.abort(), beforeFirstByte });

    expect(outcome).toEqual(failure('upstream_timeout', 'no', 'the connection to Fegora was not open in time'));
    expect(beforeFirstByte).not.toHaveBeenCalled();
    expect(connections()).toBe(0);
  });

  async function expectCut(url: string, reached: 'no' | 'unknown'): Promise<void> {
    const from = performance.now();
    const outcome = await logIn(url, { signal: AbortSignal.timeout(700) });
    const elapsedMs = performance.now() - from;

    const late = reached === 'no' ? 'the connection to Fegora was not open in time' : 'Fegora did not answer in time';
    expect(outcome).toEqual(failure('upstream_timeout', reached, late));
    expect(elapsedMs).toBeGreaterThan(650);
    expect(elapsedMs).toBeLessThan(1200);
  }

  function dripAfter(socket: Socket, head: string): void {
    socket.write(head);
    drip(socket, 'x', 20);
  }

  function interim(socket: Socket): void {
    drip(socket, 'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n', 5);
  }
});

describe('promise 29: the limits of a response', () => {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const noObject = 'the token response is unusable: it is not a JSON object';
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
  const hostile: readonly [string, Behaviour, string][] = [
    [
      'a body of a gigabyte',
      pouring('HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n', chunk),
      `upstream_invalid_response ${noObject}`,
    ],
    ['a body without end', pouring('HTTP/1.1 200 OK\r\n\r\n', chunk), `upstream_invalid_response ${noObject}`],
    [
      'endless chunks',
      pouring(chunked, Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])),
      `upstream_invalid_response ${noObject}`,
    ],
    [
      'endless small chunks',
      pouring(chunked, Buffer.from('1\r\n \r\n'.repeat(4000))),
      `upstream_invalid_response ${noObject}`,
    ],
    [
      'a gzip bomb',
      answering(httpAnswer(200, bomb, { 'Content-Encoding': 'gzip' })),
      `upstream_invalid_response ${noObject}`,
    ],
    [
      '10,000 headers',
      answering('HTTP/1.1 200 OK\r\n', 'a: b\r\n'.repeat(10_000), '\r\n'),
      'upstream_invalid_response the connection failed: HPE_HEADER_OVERFLOW',
    ],
    [
      'headers without end',
      pouring('HTTP/1.1 200 OK\r\n', Buffer.from('a: b\r\n'.repeat(4000))),
      'upstream_invalid_response the connection failed: HPE_HEADER_OVERFLOW',
    ],
    [
      '10,000 trailers',
      answering(chunked, '0\r\n', 'a: b\r\n'.repeat(10_000), '\r\n'),
      'upstream_unavailable the response was cut short',
    ],
  ];

  test.each(hostile)('promise 29: stops reading when the server sends %s', async (_, behaviour, end) => {
    const friendly = await upstream(answering(granted));
    const other = await upstream(behaviour);
    const script = new URL('../../../support/fegora/login-process.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [script, friendly.url, other.url]);
    const { ends, grownKiB } = JSON.parse(stdout);

    expect(ends).toEqual([end, end, end]);
    expect(grownKiB).toBeLessThan(20 * 1024);
  });

  test.each([
    [65_536, issued],
    [65_537, failure('upstream_invalid_response', 'answered', noObject)],
  ])('hold for a body of %i bytes', async (length, outcome) => {
    const { url } = await upstream(answering(httpAnswer(200, token.padEnd(length))));

    expect(await logIn(url)).toEqual(outcome);
  });

  test.each([
    [14, issued],
    [17, failure('upstream_invalid_response', 'unknown', 'the connection failed: HPE_HEADER_OVERFLOW')],
  ])('hold for a head of %i KiB', async (length, outcome) => {
    const { url } = await upstream(answering(httpAnswer(200, token, { 'X-Long': 'x'.repeat(length * 1024) })));

    expect(await logIn(url)).toEqual(outcome);
  });

  test('do not change the code of a status whose body is not needed', async () => {
    const { url, open } = await upstream(pouring('HTTP/1.1 503 x\r\nRetry-After: 9\r\n\r\n', chunk));
    const outcome = failure('upstream_unavailable', 'answered', 'HTTP 503');

    expect(await logIn(url)).toEqual({ ...outcome, retryAfterMs: 9000 });
    await expect.poll(open, pollOptions).toBe(0);
  });

  test.each(['gzip', 'br', 'deflate', 'identity, gzip', 'x-identity', 'identityx'])(
    'include the encoding: a body encoded as %s is refused',
    async (encoding) => {
      const { url } = await upstream(answering(httpAnswer(200, token, { 'Content-Encoding': encoding })));

      expect(await logIn(url)).toEqual(failure('upstream_invalid_response', 'answered', noObject));
    },
  );

  test.each(['identity', 'Identity', ''])('include the encoding: a body encoded as “%s” is read', async (encoding) => {
    const { url } = await upstream(answering(httpAnswer(200, token, { 'Content-Encoding': encoding })));

    expect(await logIn(url)).toEqual(issued);
  });

  function pouring(head: string, bytes: Uint8Array): Behaviour {
    return afterRequest((socket) => {
      socket.write(head);
      pour(socket, bytes);
    });
  }
});

describe('promise 46: random bytes from the server', () => {
  let bytes: readonly Uint8Array[] = [];
  let fuzzed: RawUpstream;
  beforeEach(async () => {
    fuzzed = await upstream(
      afterRequest((socket) => {
        for (const part of bytes) {
          socket.write(part);
        }
        socket.end();
      }),
    );
  });

  const canary = 'canary-not-a-real-secret';
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom(
        ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.0 500 x\r\n', 'HTTP/1.1 ', '\r\n', '\r\n\r\n', 'Content-Length: 9\r\n'],
        ...['Transfer-Encoding: chunked\r\n\r\n', '5\r\n', '0\r\n\r\n', `X: ${canary}\r\n`, `{"error":"${canary}"}`],
        ...['Content-Encoding: gzip\r\n', 'Location: /\r\n', 'Retry-After: 1e9\r\n', token],
      )
      .map((text) => Buffer.from(text)),
  );
  const spoilt = fc
    .tuple(fc.nat({ max: granted.length - 1 }), fc.uint8Array({ maxLength: 3 }), fc.nat({ max: 3 }))
    .map(([at, inserted, dropped]) => [granted.subarray(0, at), inserted, granted.subarray(at + dropped)]);
  const streams = fc.oneof(fc.array(piece, { maxLength: 8 }), spoilt);

  test('promise 46: end the login with an outcome that repeats none of them', async () => {
    await fc.assert(
      fc.asyncProperty(streams, async (parts) => {
        bytes = parts;
        const outcome = await logIn(fuzzed.url);
        if (outcome.kind === 'issued') {
          expect(outcome.accessToken).toMatch(/^[\x21-\x7e]+$/);
          return;
        }
        assert(outcome.kind === 'failed');
        expect(outcome.error.code).toMatch(/^(upstream_|credentials_rejected$|client_rejected$)/);
        expect(outcome.error.cause).toBeUndefined();
        expect(`${outcome.error.stack}${JSON.stringify(outcome)}`).not.toContain(canary);
      }),
      { numRuns: full(100_000, 400) },
    );
  }, 600_000);
});
