// Tests the client behind a proxy, with a real one on loopback. unreachable.ts has its tests here too.
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { issued, keys, type ScriptedBroker, scriptedBroker } from '../../support/client/broker.ts';
import {
  type ConnectProxy,
  startConnectProxy,
  startTlsHosts,
  startUntrusted,
} from '../../support/client/connect-proxy.ts';
import { startRawServer } from '../../support/client/raw-server.ts';

const api = 'tokens.example.com';
const lambda = 'lambda.us-east-1.amazonaws.com';
const names = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'];
let broker: ScriptedBroker;
let proxy: ConnectProxy;
let warnings: string[];

const note = ({ message }: Error) => warnings.push(message);

beforeEach(() => {
  warnings = [];
  for (const name of names) {
    vi.stubEnv(name, undefined);
  }
  process.on('warning', note);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  process.off('warning', note);
  await broker?.close();
});

/** Starts a broker that only the proxy can reach, by the names of both its hosts. */
async function start(): Promise<void> {
  broker = await scriptedBroker(issued('token-a', 5, { account: 'main' }));
  const port = Number(new URL(broker.url).port);
  const ports = await startTlsHosts({ [api]: port, [lambda]: port });
  proxy = await startConnectProxy((host) => ports.get(host) ?? '404 Not Found');
}

function client(target: object = { endpoint: `https://${api}/v1` }) {
  return createTokenClient({ ...target, account: 'main', region: 'us-east-1', credentials: keys } as never);
}

/** Returns the error of a call. It must not contain the password of the proxy. */
async function failure(): Promise<string> {
  const thrown: unknown = await client()
    .getToken()
    .catch((error: unknown) => error);
  expect(inspect(thrown, { depth: null })).not.toContain('not-a-real-password');
  return String(thrown);
}

describe('a call goes through the proxy', () => {
  test.each([
    ['HTTPS_PROXY', { endpoint: `https://${api}/v1` }, `${api}:443`],
    ['https_proxy', { endpoint: `https://${api}:8443` }, `${api}:8443`],
    ['ALL_PROXY', { functionName: 'broker' }, `${lambda}:443`],
  ])('that %s names, to %o', async (name, target, host) => {
    await start();
    vi.stubEnv(name, proxy.url);

    await expect(client(target).getToken()).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(proxy.hosts).toEqual([host]);
    expect(broker.received[0]?.headers.connection).toBe('close');
    await expect.poll(proxy.open).toBe(0);
  });

  test('with the user and the password of the proxy, and also without http:// in the variable', async () => {
    await start();
    vi.stubEnv('HTTPS_PROXY', proxy.url.replace('http://', 'user-of-proxy:not-a-real-password@'));
    await client().getToken();

    expect(proxy.authorizations).toEqual([`Basic ${btoa('user-of-proxy:not-a-real-password')}`]);
    expect(JSON.stringify(broker.received)).not.toContain('user-of-proxy');
  });
});

describe('a call does not go through the proxy', () => {
  test.each([
    ['127.0.0.1', 'http://127.0.0.1'],
    ['localhost', 'http://localhost'],
  ])('to %s', async (_, origin) => {
    await start();
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const { port } = new URL(broker.url);

    await expect(client({ endpoint: `${origin}:${port}` }).getToken()).resolves.toMatchObject({ account: 'main' });
    expect(proxy.hosts).toEqual([]);
  });

  test.each(['*', 'no-such-host.invalid', 'invalid', '.invalid', 'other.example.com, invalid'])(
    'to a host of NO_PROXY: %s',
    async (list) => {
      await start();
      vi.stubEnv('HTTPS_PROXY', proxy.url);
      vi.stubEnv('NO_PROXY', list);

      await expect(client({ endpoint: 'https://no-such-host.invalid' }).getToken()).rejects.toThrow(
        /broker_unreachable: .*no-such-host\.invalid/,
      );
      expect(proxy.hosts).toEqual([]);
    },
  );
});

test.each(['0', '1'])(
  'the certificate behind a proxy is verified, with NODE_TLS_REJECT_UNAUTHORIZED=%s',
  async (value) => {
    let requests = 0;
    const port = await startUntrusted(api, () => {
      requests += 1;
    });
    proxy = await startConnectProxy(() => port);
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value);

    expect(await failure()).toMatch(/certificate of tokens\.example\.com is not trusted .*NODE_EXTRA_CA_CERTS/);
    expect([proxy.hosts.length, requests]).toEqual([1, 0]);
  },
);

describe('promise 62: the error names the proxy as the cause', () => {
  const withPassword = (url: string) => url.replace('://', '://user:not-a-real-password@');

  test.each([
    ['407 Proxy Authentication Required', 'refused with status 407. Correct the user and password in HTTPS_PROXY.'],
    ['403 Forbidden', 'refused with status 403. Ask for a way to tokens.example.com.'],
  ])('when it answers %s', async (line, text) => {
    proxy = await startConnectProxy(() => line);
    vi.stubEnv('HTTPS_PROXY', withPassword(proxy.url));

    const { host } = new URL(proxy.url);
    expect(await failure()).toContain(`The proxy ${host}, which HTTPS_PROXY names, ${text}`);
    expect(proxy.hosts).toHaveLength(1);
  });

  test('when it answers 407, and the variable has no user', async () => {
    proxy = await startConnectProxy(() => '407 Proxy Authentication Required');
    vi.stubEnv('HTTPS_PROXY', proxy.url);

    expect(await failure()).toContain('Put its user and password into HTTPS_PROXY.');
  });

  test('when the variable says https, and the port of the proxy does not speak TLS', async () => {
    proxy = await startConnectProxy(() => 1);
    vi.stubEnv('HTTPS_PROXY', proxy.url.replace('http:', 'https:'));

    const { host } = new URL(proxy.url);
    expect(await failure()).toContain(`The proxy ${host}, which HTTPS_PROXY names, does not speak TLS`);
  });

  test('when its user or password has a % that encodes nothing, and a warning says so', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://p%40:not-a-real-password%zz@127.0.0.1:1');

    expect(await failure()).toContain('HTTPS_PROXY is not used: its user or password has a % that encodes nothing.');
  });

  test.each(['http://127.0.0.1:1', 'http://no-such-proxy.invalid:8080'])('when %s cannot be reached', async (url) => {
    vi.stubEnv('HTTPS_PROXY', withPassword(url));

    expect(await failure()).toContain(`The proxy ${new URL(url).host}, which HTTPS_PROXY names, cannot be reached`);
  });

  test('when it resets every connection, after one more attempt', async () => {
    const server = await startRawServer((socket) => socket.resetAndDestroy());
    vi.stubEnv('HTTPS_PROXY', server.url);

    expect(await failure()).toContain('broker_unreachable');
    expect(server.connections()).toBe(2);
  });

  test('when it cannot be used, and a warning says so once', async () => {
    const text = 'HTTPS_PROXY is not used: it is not an http URL. Set http://<host>:<port>.';
    for (const url of ['socks5://127.0.0.1:1', 'http://a b']) {
      vi.stubEnv('HTTPS_PROXY', url);
      expect(await failure()).toContain(text);
    }

    expect(warnings.filter((warning) => warning === text)).toHaveLength(1);
  });
});

describe('promise 62: without a proxy, the error says what is at the port', () => {
  test('when it speaks no TLS', async () => {
    const server = await startRawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { port } = new URL(server.url);
    const call = client({ endpoint: `https://127.0.0.1:${port}/v1` }).getToken();

    await expect(call).rejects.toThrow(`127.0.0.1:${port} does not speak TLS. Check the port; on loopback, use http.`);
  });

  test.each(['http://127.0.0.1:1/v1', 'http://localhost:1'])('when nothing listens at %s', async (endpoint) => {
    const { host } = new URL(endpoint);
    const text = `Nothing listens on ${host}. Start the local run, or check the port.`;

    await expect(client({ endpoint }).getToken()).rejects.toThrow(text);
  });
});
