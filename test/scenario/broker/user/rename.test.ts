// Tests what an account that is renamed takes along, and how an unreadable item of its former name is healed. Virtual time.
import { describe, expect, test } from 'vitest';
import { amend, refusedAt, setVersion } from '../../../support/cluster/operators.ts';
import { mostWithin, tally } from '../../../support/cluster/tally.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const newName = 'renamed';

/** Deploys a name of the account to all environments. */
function deploy(cluster: Cluster, name: string): void {
  for (const environment of cluster.brokers.keys()) {
    cluster.restart(environment, { accounts: { [name]: 'fegora/main' } });
  }
}

/** Calls until a call is served, in turn in each environment. Returns how long that took. Milliseconds. */
async function servedAfterMs(cluster: Cluster, name: string, everyMs: number): Promise<number> {
  const from = cluster.clock.now();
  for (let calls = 0; cluster.clock.now() - from < 25 * hourMs; calls++) {
    const [answer] = await cluster.until(cluster.ask(calls % cluster.brokers.length, { account: name }));
    if (answer?.grant !== undefined) {
      return cluster.clock.now() - from;
    }
    await cluster.pass(everyMs);
  }
  return Number.POSITIVE_INFINITY;
}

const refusal = { kind: 'answer', status: 400, body: JSON.stringify({ error: 'invalid_grant' }) } as const;

describe('promise 74: an account that is renamed', () => {
  test('takes along that its refused version had worked, so that the late try comes as soon', async () => {
    const lateTryAfterMs = async (name: string) => {
      const cluster = await startCluster({ environments: 2, lifetimeSeconds: 301 });
      await cluster.until(cluster.ask(0));
      await cluster.pass(301_000);
      // A person locks the user at the portal for some minutes.
      cluster.fegora.addFault(refusal);
      await cluster.until(cluster.ask(0));
      await cluster.pass(10 * minuteMs);
      deploy(cluster, name);
      return await servedAfterMs(cluster, name, minuteMs);
    };

    expect(await lateTryAfterMs(account)).toBeLessThanOrEqual(30 * minuteMs);
    expect(await lateTryAfterMs(newName)).toBeLessThanOrEqual(30 * minuteMs);
  });

  test('takes along that its version had worked, so that a refusal under the new name has a late try', async () => {
    const cluster = await startCluster({ environments: 2, lifetimeSeconds: 301 });
    await cluster.until(cluster.ask(0));
    await cluster.pass(301_000);
    deploy(cluster, newName);
    cluster.fegora.addFault(refusal);
    const [refused] = await cluster.until(cluster.ask(0, { account: newName }));

    expect(refused?.error?.code).toBe('credentials_rejected');
    expect(await servedAfterMs(cluster, newName, minuteMs)).toBeLessThanOrEqual(31 * minuteMs);
  });

  test('takes along the late try of a version that was refused while its user may have been locked', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.fegora.set({ lockoutFailures: 1, lockoutMinutes: 30 });
    await setVersion(cluster, { versionId: 'm1', password: 'mistyped-1' });
    expect(await setVersion(cluster, { versionId: 'v2', password: goodPassword })).toBe('credentials_rejected');
    deploy(cluster, newName);

    expect(await servedAfterMs(cluster, newName, minuteMs)).toBeLessThanOrEqual(65 * minuteMs);
    expect(refusedAt(cluster, username)).toHaveLength(2);
  });

  test('takes along the lifetime, so that tokens of a minute have the same budget of logins', async () => {
    const cluster = await startCluster({ environments: 2, lifetimeSeconds: 61 });
    await tally(cluster, 1, 20 * minuteMs);
    deploy(cluster, newName);
    await cluster.pass(minuteMs);

    expect(await servedAfterMs(cluster, newName, 1000)).toBeLessThan(130_000);
  });

  test('promise 77: takes along how often a password was refused unheard', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.fegora.set({ lockoutFailures: 50 });
    cluster.secret.current = () => ({ versionId: 'm1', password: 'mistyped-1' });
    cluster.fegora.addFault({ kind: 'hang', times: 2, afterLogin: true });
    for (let calls = 0; calls < 120 && cluster.fegora.counters().attempts < 3; calls++) {
      await cluster.until(cluster.ask(0));
      await cluster.pass(1000);
    }
    deploy(cluster, newName);
    await cluster.pass(minuteMs);
    const ends: string[] = [];
    for (const version of [2, 3, 4]) {
      const next = { versionId: `m${version}`, password: `mistyped-${version}` };
      ends.push(await setVersion(cluster, next, { of: newName }));
      await cluster.pass(10_000);
    }

    expect(ends).toEqual(['too_many_refusals', 'too_many_refusals', 'too_many_refusals']);
    expect(mostWithin(refusedAt(cluster, username), hourMs)).toBe(3);
  });

  test('is served after a reset of the item of its former name if that item is unreadable', async () => {
    const cluster = await startCluster();
    await cluster.until(cluster.ask(0));
    const row = { ...cluster.table.rows.get(account), lease_until: { S: 'x' } };
    cluster.table.rows.set(account, row);
    deploy(cluster, newName);
    const [before] = await cluster.until(cluster.ask(0, { account: newName }));
    await amend(cluster, 'reset');
    const served = await servedAfterMs(cluster, newName, 5000);

    expect(before?.error?.code).toBe('duplicate_user');
    expect(served).toBeLessThanOrEqual(minuteMs);
    expect(cluster.fegora.counters().users[username]).toMatchObject({ maxInFlight: 1, logins: 2 });
  });
});
