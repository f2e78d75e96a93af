// Tests failures of several kinds in turn, refusals that ask for time, and connections that bring no login. Virtual time.
import { describe, expect, test } from 'vitest';
import { mostSends, mostWithin, sentAt, tally } from '../../../support/cluster/tally.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe('promise 72: failures of several kinds', () => {
  test('keeps the back-off of each kind when Fegora answers 429 and 503 in turn', async () => {
    const cluster = await startCluster({ environments: 4 });
    for (let answers = 0; answers < 200; answers++) {
      cluster.fegora.addFault({ kind: 'answer', status: 429 });
      cluster.fegora.addFault({ kind: 'answer', status: 503 });
    }
    await tally(cluster, 1, 3 * hourMs);

    expect(mostWithin(sentAt(cluster), hourMs)).toBeLessThanOrEqual(20);
    expect(mostWithin(sentAt(cluster).slice(-20), hourMs)).toBeLessThanOrEqual(10);
  });

  test('does not begin the back-off of 503 again after one 429', async () => {
    const cluster = await startCluster({ environments: 4 });
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: 20 });
    cluster.fegora.addFault({ kind: 'answer', status: 429 });
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    await tally(cluster, 1, 30 * minuteMs);
    const [before = 0, after = 0] = sentAt(cluster).slice(21);

    expect(after - before).toBeGreaterThanOrEqual(minuteMs);
  });

  test('sends few logins when logins without an answer and refused connections come in turn', async () => {
    const cluster = await startCluster({ environments: 4, password: 'not-the-right-one' });
    cluster.fegora.set({ lockoutFailures: 500 });
    cluster.fegora.addFault({ kind: 'reset', afterLogin: true, times: null });
    const until = cluster.clock.now() + 3 * hourMs;
    for (let asked = 0; cluster.clock.now() < until; asked++) {
      // Both kinds are observed as a login.
      cluster.route.isUnreachable = cluster.observed('login') % 2 === 1;
      await cluster.until(cluster.ask(asked % 4));
      await cluster.pass(5000);
    }

    // Five at the end of each lease, then 34 s, 68 s and so on, up to 30 minutes.
    expect(sentAt(cluster).length).toBeGreaterThan(5);
    expect(mostSends(cluster)).toBeLessThanOrEqual(16);
  });
});

test('promise 72: obeys Retry-After of a refusal before another version of the secret is sent', async () => {
  const cluster = await startCluster({ environments: 1 });
  cluster.secret.current = () => ({ versionId: 'v1', password: 'not-the-right-one' });
  const body = JSON.stringify({ error: 'invalid_grant' });
  cluster.fegora.addFault({ kind: 'answer', status: 400, body, headers: { 'Retry-After': '120' } });
  await cluster.until(cluster.ask(0));
  cluster.secret.current = () => ({ versionId: 'v2', password: goodPassword });
  const answers = await tally(cluster, 1, 130_000);
  const [refused = 0, next = 0] = sentAt(cluster);

  expect(next - refused).toBeGreaterThanOrEqual(120_000);
  expect(answers).toMatchObject({ served: expect.any(Number) });
});

describe('promise 79: connections to Fegora that no login needs', () => {
  /** Makes 1,000 calls, ten a second. Returns how many connections they opened. */
  async function openedBy(cluster: Cluster, of: string): Promise<number> {
    const before = cluster.route.opened;
    for (let calls = 0; calls < 1000; calls++) {
      await cluster.until(cluster.ask(0, { account: of }));
      await cluster.pass(100);
    }
    return cluster.route.opened - before;
  }

  test('are not opened for 1,000 calls whose password was refused', async () => {
    const cluster = await startCluster({ password: 'not-the-right-one' });

    expect(await openedBy(cluster, account)).toBeLessThanOrEqual(2);
    expect(cluster.fegora.counters().users[username]?.refusals).toBe(1);
  });

  test('are not opened for 1,000 calls whose password was refused after it had worked', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 301 });
    await cluster.until(cluster.ask(0));
    await cluster.pass(301_000);
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one' });
    cluster.restart(0);

    expect(await openedBy(cluster, account)).toBeLessThanOrEqual(2);
  });

  test('are not opened for 1,000 calls of an account whose user is another account’s', async () => {
    const secrets = { 'fegora/second': { versionId: 's1', password: goodPassword } };
    const cluster = await startCluster({ accounts: { second: 'fegora/second' }, secrets });
    await cluster.until(cluster.ask(0));

    expect(await openedBy(cluster, 'second')).toBeLessThanOrEqual(2);
  });
});
