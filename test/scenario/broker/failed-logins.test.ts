// Tests what a failed login leaves in the item and in memory, with environments on virtual time.
import { describe, expect, test } from 'vitest';
import { account, type Cluster, forcedLogins, goodPassword, startCluster } from '../../support/cluster.ts';

/** Returns a numeric attribute of the account's item. NaN if there is none. */
function numberIn({ table }: Cluster, name: string): number {
  return Number(table.rows.get(account)?.[name]?.N);
}

/** Calls `then` before each write with the number of writes, from 1. */
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

/** Takes the table down after `writes` writes. */
function breakAfter(cluster: Cluster, writes: number): void {
  const { table } = cluster;
  onWrites(cluster, (count) => {
    if (count === writes) {
      table.trouble = () => 'down';
    }
  });
}

describe('a failed login', () => {
  test('shows operators the code and time of a failed login', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    const status = cluster.brokers[0]?.status(account, () => 25_000);

    expect((await status)?.lastError).toEqual({ code: 'upstream_unavailable', at: cluster.clock.now() });
  });

  test('backs off until the lease may be taken when Fegora does not answer', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'hang' });
    await cluster.askAll();

    expect(numberIn(cluster, 'lease_until')).toBeGreaterThan(0);
    expect(numberIn(cluster, 'retry_at')).toBe(numberIn(cluster, 'lease_until') + 2000);
  });

  test('delays the next renewal only for callers with a token when a login in the renewal window failed', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 121 });
    await cluster.askAll();
    await cluster.pass(95_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    await cluster.pass(14_000);
    expect(numberIn(cluster, 'renew_at')).toBeGreaterThan(cluster.clock.now());

    expect(await cluster.askAll()).toMatchObject([{ tookMs: 0, grant: { source: 'upstream' } }]);
  });

  test('counts a forced renewal only when Fegora may have granted it', async () => {
    const cluster = await startCluster();
    const [before] = await cluster.askAll();
    const report = () => cluster.until(cluster.ask(0, { rejected: before?.grant?.token.fingerprint ?? '' }));
    cluster.route.isUnreachable = true;
    await report();
    expect(forcedLogins(cluster)).toBe(0);

    cluster.route.isUnreachable = false;
    await cluster.pass(10_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await report();
    expect(forcedLogins(cluster)).toBe(0);

    await cluster.pass(10_000);
    cluster.fegora.addFault({ kind: 'reset', afterLogin: true });
    await report();
    expect(forcedLogins(cluster)).toBe(1);
  });

  test('logs in with the third version at once when Fegora refused two versions in a row', async () => {
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

describe('a claim that the guard stopped', () => {
  test('does not count a forced renewal when the guard stopped the claim', async () => {
    const cluster = await startCluster();
    const [before] = await cluster.askAll();
    onWrites(cluster, (count) => {
      if (count === 1 && cluster.shiftMs[0] !== undefined) {
        // The wall clock shows too much time during the claim.
        cluster.shiftMs[0] += 2500;
      }
    });
    const [answer] = await cluster.until(cluster.ask(0, { rejected: before?.grant?.token.fingerprint ?? '' }));

    expect(cluster.observed('guard_expired')).toBe(1);
    expect(answer?.grant?.source).toBe('upstream');
    expect(forcedLogins(cluster)).toBe(1);
  });
});

describe('a token that could not be published', () => {
  test('delays the caller by 2 s when the token cannot be published because the table does not answer', async () => {
    const cluster = await startCluster();
    breakAfter(cluster, 1);

    expect(await cluster.askAll()).toMatchObject([{ tookMs: 2000, grant: { source: 'upstream' } }]);
    expect(await cluster.askAll()).toMatchObject([{ tookMs: 0, grant: { source: 'memory' } }]);
  });

  test('does not cache a token that could not be published because another owner has claimed', async () => {
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
