import { describe, expect, test } from 'vitest';
import { type Answer, account, type Cluster, goodPassword, startCluster, username } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const environments = 50;
/** A day of calls. */
const perSecond = full(10, 0.02);
const dayMs = 24 * hourMs;
const patience = { timeout: full(30, 1) * minuteMs };

function refusals({ fegora }: Cluster): number[] {
  return fegora
    .logins()
    .filter(({ outcome }) => outcome === 'refused')
    .map(({ at }) => at);
}

function gapsMs(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? Number.NaN));
}

/** Calls for a while, forgetting the answers but for how many there were of each kind. */
async function outcomes(cluster: Cluster, rate: number, forMs: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await cluster.load(rate, forMs, ({ error }: Answer) => {
    const outcome = error?.code ?? 'served';
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  });
  return counts;
}

describe('promise 19: a wrong password for a day, 10 calls a second, 50 environments', () => {
  test('a version that never logged in is refused exactly once', patience, async () => {
    const cluster = await startCluster({ environments, password: 'not-the-right-one' });
    const first = await outcomes(cluster, perSecond, dayMs / 2);
    cluster.restart(7);
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one-either' });
    const second = await outcomes(cluster, perSecond, dayMs / 2);

    expect(Object.keys({ ...first, ...second })).toEqual(['credentials_rejected']);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 2 });
    expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(2);
    expect(cluster.table.rows.get(account)).not.toHaveProperty('next_try');
  });

  test('50 environments that start at once try it once between them', async () => {
    const cluster = await startCluster({ environments, password: 'not-the-right-one' });
    cluster.fegora.set({ delayMs: 700 });
    const answers = await cluster.askAll();

    expect(new Set(answers.map(({ error }) => error?.code))).toEqual(new Set(['credentials_rejected']));
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('one that had logged in is tried again after 30 minutes, then every 6 hours', patience, async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 1801 });
    await cluster.askAll();
    cluster.fegora.setPassword(username, 'not-what-the-secret-says');
    const counts = await outcomes(cluster, perSecond, dayMs);

    expect(Object.keys(counts).sort()).toEqual(['credentials_rejected', 'served']);
    const [first = 0, ...rest] = gapsMs(refusals(cluster));
    const slackMs = 3000 / perSecond;
    expect(first).toBeGreaterThanOrEqual(30 * minuteMs);
    expect(first).toBeLessThan(30 * minuteMs + slackMs);
    expect(rest).toHaveLength(3);
    for (const gapMs of rest) {
      expect(gapMs).toBeGreaterThanOrEqual(6 * hourMs);
      expect(gapMs).toBeLessThan(6 * hourMs + slackMs);
    }
  });

  test('when Fegora takes it again, everybody is served, and the mark is gone', async () => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 1801 });
    await cluster.askAll();
    cluster.fegora.setPassword(username, 'not-what-the-secret-says');
    await cluster.pass(1_801_000);
    await cluster.askAll();
    cluster.fegora.setPassword(username, goodPassword);
    await cluster.pass(29 * minuteMs);
    const early = await cluster.askAll();
    await cluster.pass(minuteMs + 1000);
    const late = await cluster.askAll();

    expect(new Set(early.map(({ error }) => error?.code))).toEqual(new Set(['credentials_rejected']));
    expect(late.filter(({ error }) => error)).toEqual([]);
    expect(cluster.table.rows.get(account)).not.toHaveProperty('marks');
    expect(cluster.table.rows.get(account)).not.toHaveProperty('next_try');
    expect(cluster.fegora.counters()).toMatchObject({ refusals: 1, logins: 2 });
  });

  test('the secret is asked for another version at most every 5 s by one environment', async () => {
    const cluster = await startCluster({ password: 'not-the-right-one' });
    await cluster.askAll();
    const before = cluster.secret.reads;
    await outcomes(cluster, 10, 50_000);

    expect(cluster.secret.reads - before).toBeLessThanOrEqual(10);
    expect(cluster.secret.reads - before).toBeGreaterThanOrEqual(9);
  });
});

describe('promise 23: a refusal that is not about the password', () => {
  const codes = [
    ['invalid_clientId', 'client_rejected'],
    ['invalid_client', 'client_rejected'],
    ['unauthorized_client', 'client_rejected'],
    ['unsupported_grant_type', 'upstream_contract'],
    ['invalid_request', 'upstream_contract'],
  ] as const;

  test.each(codes)('%s: held for 5 minutes, told to the alarms, no mark', async (error, code) => {
    const cluster = await startCluster({ environments: 5 });
    cluster.fegora.addFault({ kind: 'answer', status: 400, body: JSON.stringify({ error }) });
    const held = await outcomes(cluster, 1, 299_000);

    expect(held).toEqual({ [code]: 299 });
    expect(cluster.fegora.counters().attempts).toBe(1);
    expect(cluster.noticed).toContainEqual({ kind: 'failed', account, code });
    expect(cluster.noticed).toContainEqual(expect.objectContaining({ kind: 'login', outcome: code }));
    // Of those that have no alarm of their own, the one for holds tells.
    expect(cluster.observed('retry_held')).toBeGreaterThan(290);
    expect(cluster.table.rows.get(account)).not.toHaveProperty('marks');
    await cluster.pass(1001);
    expect((await cluster.askAll()).filter((answer) => answer.error)).toEqual([]);
  });

  test('by the simulator, whose other client id is known to nobody', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword, clientId: 'anotherApp' });
    expect((await cluster.askAll()).map(({ error }) => error?.code)).toEqual(['client_rejected', 'client_rejected']);

    // The same version with another client id is another thing to Fegora, but the hold stands for all.
    cluster.secret.current = () => ({ versionId: 'v2', password: goodPassword });
    await cluster.pass(301_000);
    expect((await cluster.askAll()).filter((answer) => answer.error)).toEqual([]);
  });

  test.each([401, 403])('HTTP %i: the same hold', async (status) => {
    const cluster = await startCluster({ environments: 5 });
    cluster.fegora.addFault({ kind: 'answer', status });

    expect(await outcomes(cluster, 1, 299_000)).toEqual({ upstream_rejected: 299 });
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test.each([
    ['<html>', full(24, 6)],
    [JSON.stringify({ error: 'locked_out' }), 24],
  ])(
    'a 400 that may yet be about it (%s): a minute, doubled each time, 6 hours at most',
    patience,
    async (body, hours) => {
      const cluster = await startCluster({ environments: 5 });
      cluster.fegora.addFault({ kind: 'answer', status: 400, body, times: null });
      const rate = full(1, 0.05);
      expect(Object.keys(await outcomes(cluster, rate, hours * hourMs))).toEqual(['upstream_rejected']);

      const gaps = gapsMs(cluster.fegora.logins().map(({ at }) => at));
      const expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360].slice(0, hours === 24 ? 11 : 8);
      expect(gaps).toHaveLength(expected.length);
      for (const [index, gap] of gaps.entries()) {
        const leastMs = (expected[index] ?? Number.NaN) * minuteMs;
        expect(gap).toBeGreaterThanOrEqual(leastMs);
        expect(gap).toBeLessThanOrEqual(leastMs + 1000 / rate);
      }
    },
  );

  test('another answer in between begins that count anew', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'answer', status: 400, body: '', times: 2 });
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    cluster.fegora.addFault({ kind: 'answer', status: 400, body: '' });
    await outcomes(cluster, 1, 300_000);

    const seconds = gapsMs(cluster.fegora.logins().map(({ at }) => at)).map((ms) => ms / 1000);
    expect(seconds).toEqual([60, 120, expect.closeTo(6.5, -1), 60]);
  });
});
