// The request of a login: its bytes, its connection, freezes and redirects.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { startFegoraSimulator } from '../../../../local/fegora/simulator.ts';
import { watchClientSockets } from '../../../support/client/sockets.ts';
import { full } from '../../../support/counts.ts';
import { answered, ended, startUpstreamThread } from '../../../support/fegora/frozen.ts';
import { credentials, failure, granted, issued, logIn, pollOptions, upstreams } from '../../../support/fegora/login.ts';
import { afterRequest, answering, httpAnswer } from '../../../support/fegora/raw-upstream.ts';

const upstream = upstreams();

describe('the request to Fegora', () => {
  test('is the request of Fegora’s page, on a new connection', async () => {
    const { url, port, received } = await upstream(answering(granted));

    expect(await logIn(url, { username: 'a b', password: 'p+&=%ñ' })).toEqual(issued);
    const body = 'grant_type=password&username=a+b&password=p%2B%26%3D%25%C3%B1&client_id=apiApp';
    expect(received().split('\r\n')).toEqual([
      'POST /token HTTP/1.1',
      'Accept: application/json',
      'Accept-Encoding: identity',
      'Content-Type: application/x-www-form-urlencoded',
      `Host: 127.0.0.1:${port}`,
      'Connection: close',
      `Content-Length: ${body.length}`,
      '',
      body,
    ]);
  });

  test('uses a new connection for each login and leaves none open', async () => {
    const closed: boolean[] = [];
    const { url, connections } = await upstream((socket) => {
      socket.on('close', () => closed.push(true));
      afterRequest(() => socket.write(granted))(socket);
    });
    await logIn(url);
    await logIn(url);

    expect(connections()).toBe(2);
    await expect.poll(() => closed.length, pollOptions).toBe(2);
  });

  test('promise 32: contains random Unicode passwords byte for byte', async () => {
    const fegora = await startFegoraSimulator({ lockoutFailures: 0 });
    const special = fc.string({
      unit: fc.constantFrom('+', '&', '=', '%', ' ', '\r', '\n', '\0', '"', 'ñ', '%41', '😀'),
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), special), async (password) => {
        fegora.setPassword(credentials.username, password);
        expect(await logIn(fegora.url, { password })).toMatchObject({ kind: 'issued' });
      }),
      { numRuns: full(5000, 300) },
    );
    expect(await logIn(fegora.url, { password: 'another' })).toMatchObject({ kind: 'failed', answer: 'invalid_grant' });
    await fegora.close();
  }, 600_000);
});

describe('the callback beforeFirstByte', () => {
  test('is called once, after the connection is made and right before the bytes are sent', async () => {
    const sockets = watchClientSockets();
    const sent: unknown[] = [];
    const { url } = await upstream(answering(granted));
    await logIn(url, {
      beforeFirstByte: () => {
        sent.push(sockets[0]?.connecting, sockets[0]?.bytesWritten);
        queueMicrotask(() => sent.push((sockets[0]?.bytesWritten ?? 0) > 0));
        return true;
      },
    });

    expect(sent).toEqual([false, 0, true]);
  });

  test('stops the login when it answers false', async () => {
    const { url, connections, received } = await upstream(answering(granted));
    const beforeFirstByte = vi.fn(() => false);

    expect(await logIn(url, { beforeFirstByte })).toEqual({ kind: 'withheld' });
    expect(beforeFirstByte).toHaveBeenCalledTimes(1);
    await expect.poll(connections, pollOptions).toBe(1);
    expect(received()).toBe('');
  });
});

describe('a freeze of the environment', () => {
  test('promise 26: fails none of 100 logins when keep-alive sockets died', async () => {
    const { tokenUrl, freezeUntil, stop } = await startUpstreamThread({ answerAfterMs: 0, idleMs: 2 });
    const kinds: string[] = [];
    for (let call = 1; call <= 100; call += 1) {
      const outcome = await logIn(tokenUrl);
      kinds.push(outcome.kind);
      expect(freezeUntil(ended, call)).toBe(true);
    }
    await stop();

    expect(kinds).toEqual(Array(100).fill('issued'));
  });

  test('loses no response that arrived meanwhile when the deadline waits two turns of the event loop', async () => {
    const { tokenUrl, freezeUntil, stop } = await startUpstreamThread({ answerAfterMs: 20, idleMs: 1000 });
    const deadline = new AbortController();
    const outcome = await logIn(tokenUrl, {
      signal: deadline.signal,
      beforeFirstByte: () => {
        setTimeout(() => setImmediate(() => setImmediate(() => deadline.abort())), 10);
        setImmediate(() => freezeUntil(answered, 1));
        return true;
      },
    });
    await stop();

    expect(outcome).toEqual(issued);
  });
});

describe('promise 27: a redirect', () => {
  test.each([301, 302, 303, 307, 308])('promise 27: is not followed when the status is %i', async (status) => {
    const target = await upstream(answering(granted));
    const places = [target.url, `//127.0.0.1:${target.port}/`, `https://127.0.0.1:${target.port}/`, '/token', ''];
    for (const location of places) {
      const { url, connections } = await upstream(answering(httpAnswer(status, '', { Location: location })));

      expect(await logIn(url)).toEqual({
        ...failure('upstream_redirect', 'answered', `HTTP ${status}`),
        answer: 'doubt',
      });
      expect(connections()).toBe(1);
    }
    expect(target.connections()).toBe(0);
    expect(target.received()).toBe('');
  });
});

describe('the responses of the simulator', () => {
  test('give the outcomes of the contract', async () => {
    const fegora = await startFegoraSimulator({ accounts: { [credentials.username]: credentials.password } });
    const { url } = fegora;
    expect(await logIn(url)).toMatchObject({ kind: 'issued', lifetimeMs: 1_799_000 });
    expect(await logIn(url, { password: 'wrong' })).toMatchObject({ answer: 'invalid_grant', reached: 'answered' });
    expect(await logIn(url, { clientId: 'apiAp' })).toMatchObject({ answer: 'client_rejected' });
    expect(await logIn(url.replace('/token', '/elsewhere'))).toMatchObject({ answer: 'upstream_contract' });
    fegora.brick(credentials.username);
    expect(await logIn(url)).toMatchObject({ answer: 'html_500', reached: 'answered' });
    for (const kind of ['reset', 'reset-mid-body', 'truncate'] as const) {
      fegora.addFault({ kind });
      expect(await logIn(url)).toMatchObject({ answer: 'upstream_unavailable', reached: 'unknown' });
    }
    await fegora.close();
  });
});
