// An account that is kept warm while callers use it, with versions of the function that note its use and others that do not.
import { expect, test } from 'vitest';
import { createRandom } from '../../support/cluster/observations.ts';
import { account, type Cluster, startCluster } from '../../support/cluster.ts';

const lifetimeMs = 300_000;
const secondMs = 1000;

/** Two environments of a version that notes no use, and two that do. */
async function startMixed(): Promise<Cluster> {
  const cluster = await startCluster({ environments: 4, lifetimeSeconds: lifetimeMs / secondMs });
  cluster.restart(2, { notesUse: true });
  cluster.restart(3, { notesUse: true });
  return cluster;
}

function dueAt({ table }: Cluster): number | undefined {
  const { due_shard: shard, due_at: at } = table.rows.get(account) ?? {};
  return shard === undefined ? undefined : Number(at?.N);
}

/** What the tick and the queue do: they warm the account if it is due. */
async function tick(cluster: Cluster): Promise<unknown> {
  const due = dueAt(cluster) ?? Number.POSITIVE_INFINITY;
  const warm = async () => cluster.brokers[3]?.warm(account, () => 25_000);
  return due <= cluster.clock.now() ? (await cluster.until(warm()))[0] : undefined;
}

test('promise 70: an hour of calls to versions with and without the index has one login at a time, and loses no token', async () => {
  const cluster = await startMixed();
  const random = createRandom();
  const errors: string[] = [];
  let warmUps = 0;
  for (let second = 0; second < 60 * 60; second += 10) {
    const environment = Math.floor(random() * 4);
    const answers = await cluster.until(cluster.ask(environment), cluster.ask((environment + 1) % 4));
    errors.push(...answers.flatMap(({ error }) => (error === undefined ? [] : [error.code])));
    warmUps += (await tick(cluster)) === undefined ? 0 : 1;
    await cluster.pass(10 * secondMs);
  }

  expect(errors).toEqual([]);
  const { logins, ...counts } = cluster.fegora.counters();
  expect(counts).toMatchObject({ overlapsSeen: 0, overlapsInside: 0, refusals: 0, crashes: 0 });
  expect(logins).toBeLessThan((60 * 60) / 190);
  expect(warmUps).toBeGreaterThan(5);
  expect(cluster.observed('item_malformed') + cluster.observed('publish_refused')).toBe(0);
});

test('promise 64: a tick corrects the time that a version without the index left, and logs in to nothing', async () => {
  const cluster = await startMixed();
  await cluster.until(cluster.ask(2));
  const first = dueAt(cluster) ?? 0;
  await cluster.pass(first - cluster.clock.now() + 30 * secondMs);
  await cluster.until(cluster.ask(0));
  expect(cluster.fegora.counters().logins).toBe(2);
  expect(dueAt(cluster)).toBe(first);

  expect(await tick(cluster)).toMatchObject({ outcome: 'fresh' });
  expect(cluster.fegora.counters().logins).toBe(2);
  expect(dueAt(cluster)).toBeGreaterThan(cluster.clock.now() + 100 * secondMs);
});

test('promise 64: an account is warm for a lifetime after its last call, and costs at most two logins more', async () => {
  const cluster = await startMixed();
  await cluster.until(cluster.ask(2));
  const ask = async () => (await cluster.until(cluster.ask(2)))[0];
  for (let calls = 0; calls < 10; calls += 1) {
    for (let passed = 0; passed < lifetimeMs - 10 * secondMs; passed += 10 * secondMs) {
      await tick(cluster);
      await cluster.pass(10 * secondMs);
    }
    const { logins } = cluster.fegora.counters();
    expect((await ask())?.grant?.source).not.toBe('upstream');
    expect(cluster.fegora.counters().logins).toBe(logins);
  }

  const { logins } = cluster.fegora.counters();
  for (let passed = 0; passed < 10 * lifetimeMs; passed += 10 * secondMs) {
    await tick(cluster);
    await cluster.pass(10 * secondMs);
  }
  expect(cluster.fegora.counters().logins - logins).toBeLessThanOrEqual(2);
  expect(dueAt(cluster)).toBeUndefined();
});

test('promise 64: an account whose logins fail leaves the index with its token, and comes back with the next one', async () => {
  const cluster = await startMixed();
  await cluster.until(cluster.ask(2));
  cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
  for (let passed = 0; passed < 2 * lifetimeMs; passed += 10 * secondMs) {
    await tick(cluster).catch(() => undefined);
    await cluster.pass(10 * secondMs);
  }
  expect(dueAt(cluster)).toBeUndefined();

  cluster.fegora.clearFaults();
  await cluster.pass(60 * secondMs);
  expect((await cluster.until(cluster.ask(3)))[0]?.grant).toMatchObject({ source: 'upstream' });
  expect(dueAt(cluster)).toBeGreaterThan(cluster.clock.now());
});
