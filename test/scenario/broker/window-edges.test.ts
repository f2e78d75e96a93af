// Tests the renewal window to the millisecond, and what warm-ups and operators are told.
import { describe, expect, test } from 'vitest';
import { type Answer, account, type Cluster, startCluster } from '../../support/cluster.ts';

/** Tokens live for 1800 s, are servable for 1740 s, and their renewal window opens at exactly 1200 s. */
async function clusterWithToken(): Promise<Cluster> {
  const cluster = await startCluster({ lifetimeSeconds: 1801, random: () => 0 });
  await cluster.askAll();
  return cluster;
}

async function askAt({ clock, pass, askAll }: Cluster, ms: number, ask = askAll): Promise<Answer | undefined> {
  await pass(ms - clock.monotonic());
  return (await ask())[0];
}

function reads({ table }: Cluster): number {
  return table.calls.filter(({ operation }) => operation === 'GetItem').length;
}

describe('promise 15: the edges of the renewal window', () => {
  test('opens the renewal window to the millisecond', async () => {
    const cluster = await clusterWithToken();

    expect((await askAt(cluster, 1_199_999))?.grant?.source).toBe('memory');
    expect((await askAt(cluster, 1_200_000))?.grant?.source).toBe('upstream');
  });

  test('reads the table again after 10 s and not before', async () => {
    const cluster = await clusterWithToken();
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    await askAt(cluster, 1_200_000);
    const before = reads(cluster);

    await askAt(cluster, 1_209_999);
    expect(reads(cluster)).toBe(before);
    await askAt(cluster, 1_210_000);
    expect(reads(cluster)).toBe(before + 1);
  });

  test('does not read the table when the read could outlast the token', async () => {
    const cluster = await clusterWithToken();
    const before = reads(cluster);
    await askAt(cluster, 1_737_501);
    expect(reads(cluster)).toBe(before);

    const other = await clusterWithToken();
    await askAt(other, 1_737_500);
    expect(reads(other)).toBe(before + 1);
  });

  test('waits for the login of a warm-up when the token is no longer servable', async () => {
    const cluster = await clusterWithToken();
    await cluster.pass(1_736_000);
    cluster.fegora.set({ delayMs: 7000 });
    const warmed = cluster.brokers[0]?.warm(account, () => 25_000);
    await cluster.pass(4500);
    const [answer] = await cluster.until(cluster.ask(0));

    expect(answer).toMatchObject({ tookMs: 2500, grant: { source: 'upstream' } });
    expect(await warmed).toMatchObject({ outcome: 'renewed' });
  });

  test('warns of a failed renewal at once, also when the token comes from the cache', async () => {
    const cluster = await clusterWithToken();
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    const refreshed = await askAt(cluster, 1_200_000);
    const [served] = await cluster.askAll();

    expect([refreshed?.grant?.warning, served?.grant?.warning]).toEqual(['renewal_failing', 'renewal_failing']);
  });

  test('keeps the warning of a failed renewal while the table hangs', async () => {
    const cluster = await clusterWithToken();
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    await askAt(cluster, 1_200_000);
    cluster.table.trouble = () => 'hanging';
    const refreshed = await askAt(cluster, 1_210_000);
    const [served] = await cluster.askAll();

    expect(refreshed?.tookMs).toBe(2000);
    expect([refreshed?.grant?.warning, served?.grant?.warning]).toEqual(['renewal_failing', 'renewal_failing']);
  });
});

describe('promise 37: the edges of the validity asked for', () => {
  test('serves the cached token when exactly the validity asked for is left', async () => {
    const cluster = await clusterWithToken();
    const answer = await askAt(cluster, 900_000, () => cluster.until(cluster.ask(0, { minValidityMs: 900_000 })));

    expect(answer?.grant).toMatchObject({ source: 'memory', remainingMs: 900_000 });
    expect(answer?.grant).not.toHaveProperty('warning');
  });

  test('answers renewal_in_progress when the token ended before its answer came', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 7 });
    cluster.fegora.set({ delayMs: 5000 });
    const [answer] = await cluster.askAll();

    expect(answer?.error).toMatchObject({
      code: 'renewal_in_progress',
      message: 'the token ran out while the table was read',
    });
  });
});

describe('answers to warm-ups, events and operators', () => {
  const whole = () => 25_000;

  async function settled<T>({ until }: Cluster, work: Promise<T> | undefined): Promise<unknown> {
    return (await until(Promise.resolve(work).catch((error: unknown) => error)))[0];
  }

  test('answers a warm-up and an event with the end of the token', async () => {
    const cluster = await clusterWithToken();
    const [broker] = cluster.brokers;
    const endsAt = cluster.clock.now() + 1_800_000;

    expect(await settled(cluster, broker?.warm(account, whole))).toEqual({ outcome: 'fresh', expiresAt: endsAt });
    await cluster.pass(61_000);
    expect(await settled(cluster, broker?.verify(account, whole))).toEqual({ outcome: 'fresh', expiresAt: endsAt });
    await cluster.pass(1_439_000);
    expect(await settled(cluster, broker?.warm(account, whole))).toEqual({
      outcome: 'renewed',
      expiresAt: endsAt + 1_500_000,
    });
  });

  test('answers skipped with the end of the stored token, if any, when a warm-up has too little time', async () => {
    const cluster = await clusterWithToken();
    await cluster.pass(1_500_000);

    expect(
      await settled(
        cluster,
        cluster.brokers[0]?.warm(account, () => 9000),
      ),
    ).toEqual({
      outcome: 'skipped',
      expiresAt: cluster.clock.now() + 300_000,
    });
    cluster.restart(0);
    await cluster.pass(300_000);
    expect(
      await settled(
        cluster,
        cluster.brokers[0]?.warm(account, () => 9000),
      ),
    ).toEqual({ outcome: 'skipped' });
  });

  test('answers the item when an operator asks for the status', async () => {
    const cluster = await clusterWithToken();

    expect(await settled(cluster, cluster.brokers[0]?.status(account, whole))).toMatchObject({
      account,
      revision: 2,
      lastLogin: cluster.clock.now(),
    });
  });

  test('promise 76: forgets the cached token at once after a purge, and within 60 s after a pause', async () => {
    const cluster = await clusterWithToken();
    await cluster.pass(61_000);
    await settled(cluster, cluster.brokers[0]?.amend(account, 'pause', whole));
    await cluster.pass(60_000);
    expect((await cluster.askAll())[0]?.error?.code).toBe('paused');
    await settled(cluster, cluster.brokers[0]?.amend(account, 'resume', whole));
    expect((await cluster.askAll())[0]?.grant?.source).toBe('shared');
    await settled(cluster, cluster.brokers[0]?.amend(account, 'purge', whole));

    expect((await cluster.askAll())[0]?.grant?.source).toBe('upstream');
    expect(cluster.fegora.counters().logins).toBe(2);
  });

  test('changes nothing when the item has an unknown schema', async () => {
    const cluster = await clusterWithToken();
    Object.assign(cluster.table.rows.get(account) ?? {}, { schema: { N: '2' } });

    expect(await settled(cluster, cluster.brokers[0]?.amend(account, 'purge', whole))).toMatchObject({
      code: 'table_unavailable',
      message: 'the item is of an unknown schema',
    });
    expect((await cluster.askAll())[0]?.grant?.source).toBe('memory');
  });

  test('answers table_unavailable half a second before the deadline when the table hangs', async () => {
    const cluster = await clusterWithToken();
    cluster.table.trouble = () => 'hanging';
    const askedAt = cluster.clock.monotonic();

    expect(
      await settled(
        cluster,
        cluster.brokers[0]?.status(account, () => 2000),
      ),
    ).toMatchObject({
      code: 'table_unavailable',
    });
    expect(cluster.clock.monotonic() - askedAt).toBe(1500);
  });
});
