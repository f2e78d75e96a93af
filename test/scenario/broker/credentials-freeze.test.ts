// Tests a process that is frozen during its login, with real time and real sockets.

import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { createTokenTable } from '../../../lambda/aws/token-table.ts';
import { createBroker } from '../../../lambda/broker/broker.ts';
import type { Clock } from '../../../lambda/broker/clock.ts';
import type { Broker } from '../../../lambda/broker/contract.ts';
import type { Login } from '../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../lambda/config.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import { createLogin } from '../../../lambda/fegora/password-grant.ts';
import { overConnection } from '../../support/fegora/connection.ts';
import { createMemoryDynamo, type MemoryDynamo } from '../../support/memory-dynamo.ts';

const account = 'main';
const username = '25365421';
const password = 'not-a-real-password';

/** Number of answers that Fegora has sent. */
let answered: Int32Array;
let frozenMs = 0;

/** The real clock plus the frozen time. Timers that came due in a freeze fire after it, before any socket is read. */
const monotonic = (): number => performance.now() + frozenMs;
const clock: Clock = {
  now: () => Math.floor(1_768_478_400_000 + monotonic()),
  monotonic,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const dueAt = monotonic() + ms;
      const check = (): void => {
        if (signal?.aborted || monotonic() >= dueAt) {
          clearInterval(timer);
          resolve();
        }
      };
      const timer = setInterval(check, 1);
      signal?.addEventListener('abort', check, { once: true });
    }),
};

/** Stops the whole thread until Fegora has answered: no timer fires, no socket is read. Adds `ms` to the clock. */
function freeze(ms: number): void {
  Atomics.wait(answered, 0, 0, 20_000);
  frozenMs += ms;
}

/** Starts Fegora in its own thread, so that it answers while this thread is frozen. Returns its token URL. */
async function startFegora(accounts: Record<string, string>): Promise<string> {
  answered = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('../../support/fegora/thread.ts', import.meta.url), {
    workerData: { options: { accounts, delayMs: 20 }, answered },
  });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return await new Promise((resolve) => worker.once('message', resolve));
}

/** Returns a broker that calls `frozen` as soon as its login is sent. */
function freezingBroker(tokenUrl: string, dynamo: MemoryDynamo, frozen: () => void): Broker {
  const connect = createLogin({ tokenUrl, now: clock.now });
  const login: Login = async (signal) =>
    overConnection(await connect(signal), (send, credentials, options) =>
      send(credentials, {
        signal: options.signal,
        beforeFirstByte: () => {
          setImmediate(frozen);
          return options.beforeFirstByte();
        },
      }),
    );
  return createBroker({
    clock,
    random: () => 0.5,
    login,
    readCredentials: async () => ({ username, password, clientId: 'apiApp', versionId: 'v1' }),
    table: createTokenTable(dynamo.call, 'tokens', () => {}),
    observe: () => {},
    tokenUrl,
    isConfigured: () => true,
    loginBudget: defaultLoginBudget,
  });
}

const wholeInvocation = () => 25_000;

test('promise 25: stores the rejection of the version when the holder was frozen past its deadline and the refusal lay in the socket', async () => {
  const dynamo = createMemoryDynamo(clock.now);
  const url = await startFegora({ [username]: 'not-what-the-secret-says' });
  const broker = freezingBroker(url, dynamo, () => freeze(10_000));

  await expect(broker.getToken({ account }, wholeInvocation)).rejects.toBeInstanceOf(BrokerError);
  expect(dynamo.rows.get(account)?.marks?.SS).toHaveLength(1);
  expect(dynamo.rows.get(account)?.lease_until?.N).toBe('0');
});

test('promise 25: stores the rejection and keeps the lease of another owner that claimed during the freeze', async () => {
  const dynamo = createMemoryDynamo(clock.now);
  const url = await startFegora({ [username]: 'not-what-the-secret-says' });
  const leaseUntil = String(clock.now() + 60_000);
  const broker = freezingBroker(url, dynamo, () => {
    freeze(20_000);
    Object.assign(dynamo.rows.get(account) ?? {}, { owner: { S: 'another' }, lease_until: { N: leaseUntil } });
  });

  await expect(broker.getToken({ account }, wholeInvocation)).rejects.toBeInstanceOf(BrokerError);
  expect(dynamo.rows.get(account)).toMatchObject({
    marks: { SS: [expect.any(String)] },
    owner: { S: 'another' },
    lease_until: { N: leaseUntil },
  });
});

test('promise 25: serves and publishes a token that lay in the socket during the freeze', async () => {
  const dynamo = createMemoryDynamo(clock.now);
  const url = await startFegora({ [username]: password });
  const broker = freezingBroker(url, dynamo, () => freeze(10_000));

  await expect(broker.getToken({ account }, wholeInvocation)).resolves.toMatchObject({ source: 'upstream' });
  expect(dynamo.rows.get(account)).toMatchObject({ access_token: expect.anything(), lease_until: { N: '0' } });
});

test('promise 4: serves only its own caller and replaces no newer token when a token comes too late for its lease', async () => {
  const dynamo = createMemoryDynamo(clock.now);
  const url = await startFegora({ [username]: password });
  const broker = freezingBroker(url, dynamo, () => {
    freeze(20_000);
    Object.assign(dynamo.rows.get(account) ?? {}, { owner: { S: 'another' }, access_token: { S: 'newer' } });
  });

  await expect(broker.getToken({ account }, wholeInvocation)).resolves.toMatchObject({ source: 'upstream' });
  expect(dynamo.rows.get(account)).toMatchObject({ owner: { S: 'another' }, access_token: { S: 'newer' } });
});
