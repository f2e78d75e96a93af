import { describe, expect, test } from 'vitest';
import { account, type Cluster, goodPassword, startCluster } from '../../support/cluster.ts';

/** What the account's item says under a name, where that is a number. */
function numberIn({ table }: Cluster, name: string): number {
  return Number(table.rows.get(account)?.[name]?.N);
}

/** Calls `then` at each write, from the first on, before it is made. */
function onWrites({ table }: Cluster, then: (count: number) => void): void {
  let writes = 0;
  table.trouble = (operation) => {
    if (operation === 'UpdateItem') {
      writes += 1;
      then(writes);
    }
    return undefined;
  };
}

/** The table goes down after that many writes. */
function breakAfter(cluster: Cluster, writes: number): void {
  const { table } = cluster;
  onWrites(cluster, (count) => {
    if (count === writes) {
      table.trouble = () => 'down';
    }
  });
}

describe('a login that failed', () => {
  test('is told to operators, with its time', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    const status = cluster.brokers[0]?.status(account, () => 25_000);

    expect((await status)?.lastError).toEqual({ code: 'upstream_unavailable', at: cluster.clock.now() });
  });

  test('with no word from Fegora holds everybody until its lease may be stolen', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'hang' });
    await cluster.askAll();

    expect(numberIn(cluster, 'lease_until')).toBeGreaterThan(0);
    expect(numberIn(cluster, 'retry_at')).toBe(numberIn(cluster, 'lease_until') + 2000);
  });

  test('in the renewal window puts the next one off only for those who have a token', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 121 });
    await cluster.askAll();
    await cluster.pass(95_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    await cluster.pass(14_000);
    expect(numberIn(cluster, 'renew_at')).toBeGreaterThan(cluster.clock.now());

    expect(await cluster.askAll()).toMatchObject([{ tookMs: 0, grant: { source: 'upstream' } }]);
  });

  test('counts as a forced renewal where Fegora has answered, and not where it was not reached', async () => {
    const cluster = await startCluster();
    const [before] = await cluster.askAll();
    const report = () => cluster.until(cluster.ask(0, { rejected: before?.grant?.token.fingerprint ?? '' }));
    cluster.route.isUnreachable = true;
    await report();
    expect(numberIn(cluster, 'forced_count')).toBe(0);

    cluster.route.isUnreachable = false;
    await cluster.pass(10_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await report();
    expect(numberIn(cluster, 'forced_count')).toBe(1);
  });

  test('with two versions in a row is tried with the third at once', async () => {
    const cluster = await startCluster();
    const passwords = ['not-the-one', 'nor-that-one', goodPassword];
    cluster.secret.current = () => {
      const version = Math.min(cluster.secret.reads, passwords.length);
      return { versionId: `v${version}`, password: passwords[version - 1] ?? '' };
    };
    const [answer] = await cluster.askAll();

    expect(answer?.grant?.token.versionId).toBe('v3');
    expect(cluster.fegora.counters()).toMatchObject({ refusals: 2, logins: 1 });
  });
});

describe('a claim that the guard gave up', () => {
  test('counts as no forced renewal', async () => {
    const cluster = await startCluster();
    const [before] = await cluster.askAll();
    onWrites(cluster, (count) => {
      if (count === 1 && cluster.shiftMs[0] !== undefined) {
        // Too much time goes by during the claim, by the wall clock.
        cluster.shiftMs[0] += 2500;
      }
    });
    const [answer] = await cluster.until(cluster.ask(0, { rejected: before?.grant?.token.fingerprint ?? '' }));

    expect(cluster.observed('guard_expired')).toBe(1);
    expect(answer?.grant?.source).toBe('upstream');
    expect(numberIn(cluster, 'forced_count')).toBe(1);
  });
});

describe('a token that the table did not take', () => {
  test('keeps its caller for 2 s more where the table does not answer', async () => {
    const cluster = await startCluster();
    breakAfter(cluster, 1);

    expect(await cluster.askAll()).toMatchObject([{ tookMs: 2000, grant: { source: 'upstream' } }]);
    expect(await cluster.askAll()).toMatchObject([{ tookMs: 0, grant: { source: 'memory' } }]);
  });

  test('because another has claimed is not kept', async () => {
    const cluster = await startCluster();
    onWrites(cluster, (count) => {
      if (count === 2) {
        Object.assign(cluster.table.rows.get(account) ?? {}, { owner: { S: 'another' }, lease_until: { N: '0' } });
      }
    });
    const [first] = await cluster.askAll();
    const [second] = await cluster.askAll();

    expect([first?.grant?.source, second?.grant?.source]).toEqual(['upstream', 'upstream']);
    expect(second?.grant?.token).not.toEqual(first?.grant?.token);
    expect(cluster.observed('publish_refused')).toBe(1);
  });
});
