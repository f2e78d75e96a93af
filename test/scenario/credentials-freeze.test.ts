import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { type Broker, createBroker } from '../../lambda/broker.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { createLogin } from '../../lambda/fegora.ts';
import type { Clock, Login } from '../../lambda/ports.ts';
import { createTokenTable } from '../../lambda/token-table.ts';
import { createMemoryDynamo, type MemoryDynamo } from '../fixtures/memory-dynamo.ts';

const account = 'main';
const username = '25365421';
const password = 'not-a-real-password';

/** The real clock, twenty times as fast: what the environment lives by must stop when its process does. */
const speed = 20;
const clock: Clock = {
  now: () => Math.floor(1_768_478_400_000 + performance.now() * speed),
  monotonic: () => performance.now() * speed,
  sleep: (ms, signal) => setTimeout(ms / speed, undefined, signal && { signal }).catch(() => {}),
};

/** Stops this thread as a whole: no timer fires, no socket is read. */
function freeze(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms / speed);
}

/** Fegora in a thread of its own, which answers while this one is frozen. */
async function startFegora(accounts: Record<string, string>): Promise<string> {
  const worker = new Worker(new URL('../fixtures/fegora-thread.ts', import.meta.url), {
    workerData: { accounts, delayMs: 20 },
  });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return await new Promise((resolve) => worker.once('message', resolve));
}

/** A broker whose process freezes as soon as its login is sent. */
function freezingBroker(tokenUrl: string, dynamo: MemoryDynamo, frozen: () => void): Broker {
  const send = createLogin({ tokenUrl, now: clock.now });
  const login: Login = (credentials, flight) =>
    send(credentials, {
      signal: flight.signal,
      beforeFirstByte: () => {
        flight.beforeFirstByte();
        setImmediate(frozen);
      },
    });
  return createBroker({
    clock,
    random: () => 0.5,
    login,
    readCredentials: async () => ({ username, password, clientId: 'apiApp', versionId: 'v1' }),
    table: createTokenTable(dynamo.call, 'tokens', () => {}),
    observe: () => {},
    tokenUrl,
    withoutTable: 'refuse',
  });
}

const wholeInvocation = () => 25_000;

test('promise 25: a holder frozen past its deadline marks the version whose refusal lay in the socket', async () => {
  const dynamo = createMemoryDynamo();
  const url = await startFegora({ [username]: 'not-what-the-secret-says' });
  const broker = freezingBroker(url, dynamo, () => freeze(10_000));

  await expect(broker.getToken({ account }, wholeInvocation)).rejects.toBeInstanceOf(BrokerError);
  expect(dynamo.rows.get(account)?.marks?.SS).toHaveLength(1);
  expect(dynamo.rows.get(account)?.lease_until?.N).toBe('0');
});

test('promise 25: also when another has claimed meanwhile, whose lease it leaves alone', async () => {
  const dynamo = createMemoryDynamo();
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

test('promise 25: a token that lay in the socket is served and published', async () => {
  const dynamo = createMemoryDynamo();
  const url = await startFegora({ [username]: password });
  const broker = freezingBroker(url, dynamo, () => freeze(10_000));

  await expect(broker.getToken({ account }, wholeInvocation)).resolves.toMatchObject({ source: 'upstream' });
  expect(dynamo.rows.get(account)).toMatchObject({ access_token: expect.anything(), lease_until: { N: '0' } });
});

test('promise 4: a token that came too late for its lease serves its own caller and replaces no newer one', async () => {
  const dynamo = createMemoryDynamo();
  const url = await startFegora({ [username]: password });
  const broker = freezingBroker(url, dynamo, () => {
    freeze(20_000);
    Object.assign(dynamo.rows.get(account) ?? {}, { owner: { S: 'another' }, access_token: { S: 'newer' } });
  });

  await expect(broker.getToken({ account }, wholeInvocation)).resolves.toMatchObject({ source: 'upstream' });
  expect(dynamo.rows.get(account)).toMatchObject({ owner: { S: 'another' }, access_token: { S: 'newer' } });
});
