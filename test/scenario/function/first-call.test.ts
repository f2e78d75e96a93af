// What a new environment does before its first call, with real servers: how many connections to Fegora it opens.
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSystem, type TestSystem } from '../../support/test-system.ts';

let system: TestSystem;
let way: { readonly url: string; readonly opened: () => number; readonly close: () => void };

beforeEach(async () => {
  system = await startTestSystem({ accounts: ['one', 'two'] });
  way = await countingWay(system.fegora.url);
});

afterEach(async () => {
  way.close();
  await system.close();
});

/** A server in front of Fegora that counts the connections. */
async function countingWay(target: string) {
  const { hostname, port, pathname } = new URL(target);
  let opened = 0;
  const server = createServer((socket) => {
    opened += 1;
    const onward = connect(Number(port), hostname);
    socket.on('error', () => onward.destroy()).pipe(onward);
    onward.on('error', () => socket.destroy()).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo; // the server listens on TCP
  return { url: `http://127.0.0.1:${own}${pathname}`, opened: () => opened, close: () => server.close() };
}

/** Starts an environment, and waits for the end of its init. */
async function startEnvironment() {
  let ended = Promise.resolve();
  const onPrefetch = (prefetch: Promise<void>) => {
    ended = prefetch;
  };
  const environment = system.environment({ FEGORA_TOKEN_URL: way.url }, { onPrefetch });
  await ended;
  return environment;
}

describe('a new environment', () => {
  test('opens the connection to Fegora during init when a login is due, and logs in over it', async () => {
    const { http } = await startEnvironment();
    expect(way.opened()).toBe(1);
    expect(system.fegora.counters().logins).toBe(0);

    expect(await http()).toMatchObject({ status: 200, body: { source: 'upstream' } });
    expect([way.opened(), system.fegora.counters().logins]).toEqual([1, 1]);
  });

  test('logs in over it for another account, too, and opens a new one for the next login', async () => {
    const { invoke } = await startEnvironment();
    await invoke('two');
    expect(way.opened()).toBe(1);

    await invoke('one');
    expect([way.opened(), system.fegora.counters().logins]).toEqual([2, 2]);
  });

  test('opens none when the table has a token', async () => {
    await (await startEnvironment()).http();
    const { http } = await startEnvironment();

    expect(await http()).toMatchObject({ status: 200, body: { source: 'shared' } });
    expect(way.opened()).toBe(1);
  });
});
