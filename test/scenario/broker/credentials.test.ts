// Tests wrong passwords and refusals over whole days, with many environments on virtual time.
import { describe, expect, test } from 'vitest';
import { type Answer, account, type Cluster, goodPassword, startCluster, username } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const environments = 50;
/** Calls per second, for a whole day. */
const perSecond = full(10, 0.02);
const dayMs = 24 * hourMs;
const timeout = { timeout: full(30, 1) * minuteMs };

function refusals({ fegora }: Cluster): number[] {
  return fegora
    .logins()
    .filter(({ outcome }) => outcome === 'refused')
    .map(({ at }) => at);
}

function gapsMs(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? Number.NaN));
}

/** Makes calls for `forMs` and counts the answers of each kind. */
async function countAnswers(cluster: Cluster, rate: number, forMs: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await cluster.load(rate, forMs, ({ error }: Answer) => {
    const answer = error?.code ?? 'served';
    counts[answer] = (counts[answer] ?? 0) + 1;
  });
  return counts;
}

describe('promise 19: a wrong password for a day with 10 calls a second in 50 environments', () => {
  test('sends a version that never logged in exactly once', timeout, async () => {
    const cluster = await startCluster({ environments, password: 'not-the-right-one' });
    const first = await countAnswers(cluster, perSecond, dayMs / 2);
    cluster.restart(7);
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one-either' });
    const second = await countAnswers(cluster, perSecond, dayMs / 2);

    expect(Object.keys({ ...first, ...second })).toEqual(['credentials_rejected']);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 2 });
    expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(2);
    expect(cluster.table.rows.get(account)).not.toHaveProperty('next_try');
  });

  test('sends a wrong password once when 50 environments start at the same time', async () => {
    const cluster = await startCluster({ environments, password: 'not-the-right-one' });
    cluster.fegora.set({ delayMs: 700 });
    const answers = await cluster.askAll();

    expect(new Set(answers.map(({ error }) => error?.code))).toEqual(new Set(['credentials_rejected']));
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test(
    'promise 71: retries a refused version that logged in before after 30 minutes and 6 hours, and sends it three times a day',
    timeout,
    async () => {
      const cluster = await startCluster({ environments, lifetimeSeconds: 1801 });
      await cluster.askAll();
      cluster.fegora.setPassword(username, 'not-what-the-secret-says');
      const counts = await countAnswers(cluster, perSecond, dayMs);

      expect(Object.keys(counts).sort()).toEqual(['credentials_rejected', 'served']);
      const [first = 0, second = 0, ...rest] = gapsMs(refusals(cluster));
      const slackMs = 3000 / perSecond;
      expect(first).toBeGreaterThanOrEqual(30 * minuteMs);
      expect(first).toBeLessThan(30 * minuteMs + slackMs);
      expect(second).toBeGreaterThanOrEqual(6 * hourMs);
      expect(second).toBeLessThan(6 * hourMs + slackMs);
      expect(rest).toEqual([]);
    },
  );

  test('serves all callers and removes the rejection when Fegora accepts the password again', async () => {
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

  test('reads the secret for another version at most every 5 s in one environment', async () => {
    const cluster = await startCluster({ password: 'not-the-right-one' });
    await cluster.askAll();
    const before = cluster.secret.reads;
    await countAnswers(cluster, 10, 50_000);

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

  test.each(codes)(
    'backs off for 5 minutes, reports it to the alarms and stores no rejection when Fegora answers %s',
    async (error, code) => {
      const cluster = await startCluster({ environments: 5 });
      cluster.fegora.addFault({ kind: 'answer', status: 400, body: JSON.stringify({ error }) });
      const answers = await countAnswers(cluster, 1, 299_000);

      expect(answers).toEqual({ [code]: 299 });
      expect(cluster.fegora.counters().attempts).toBe(1);
      expect(cluster.noticed).toContainEqual({ kind: 'failed', account, code });
      expect(cluster.noticed).toContainEqual(expect.objectContaining({ kind: 'login', outcome: code }));
      expect(cluster.table.rows.get(account)).not.toHaveProperty('marks');
      await cluster.pass(1001);
      expect((await cluster.askAll()).filter((answer) => answer.error)).toEqual([]);
    },
  );

  test('answers client_rejected and backs off for all versions when the simulator does not know the client id', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword, clientId: 'anotherApp' });
    expect((await cluster.askAll()).map(({ error }) => error?.code)).toEqual(['client_rejected', 'client_rejected']);

    // Another version has another client id, but the back-off applies to all versions.
    cluster.secret.current = () => ({ versionId: 'v2', password: goodPassword });
    await cluster.pass(301_000);
    expect((await cluster.askAll()).filter((answer) => answer.error)).toEqual([]);
  });

  test.each([401, 403, 423])('backs off for one minute when Fegora answers HTTP %i', async (status) => {
    const cluster = await startCluster({ environments: 5 });
    cluster.fegora.addFault({ kind: 'answer', status });

    expect(await countAnswers(cluster, 1, 59_000)).toEqual({ upstream_rejected: 59 });
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test.each(['<html>', JSON.stringify({ error: 'locked_out' })])(
    'promise 71: sends a version three times in 24 hours when every answer may be about the password (400 %s)',
    timeout,
    async (body) => {
      const cluster = await startCluster({ environments: 5 });
      cluster.fegora.addFault({ kind: 'answer', status: 400, body, times: null });
      const rate = full(1, 0.05);
      const answers = await countAnswers(cluster, rate, full(24, 6) * hourMs);

      expect(Object.keys(answers).sort()).toEqual(['credentials_rejected', 'too_many_refusals', 'upstream_rejected']);
      const gaps = gapsMs(cluster.fegora.logins().map(({ at }) => at));
      expect(gaps).toHaveLength(2);
      for (const [index, gap] of gaps.entries()) {
        const leastMs = (index + 1) * minuteMs;
        expect(gap).toBeGreaterThanOrEqual(leastMs);
        expect(gap).toBeLessThanOrEqual(leastMs + 1000 / rate);
      }
      expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(1);
    },
  );

  test('promise 72: keeps the count of failures of a class when a failure of another class comes in between', async () => {
    const cluster = await startCluster();
    cluster.fegora.addFault({ kind: 'answer', status: 429, times: 2 });
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    cluster.fegora.addFault({ kind: 'answer', status: 429 });
    await countAnswers(cluster, 1, 300_000);
    const gaps = gapsMs(cluster.fegora.logins().map(({ at }) => at)).map((ms) => Math.floor(ms / 5000) * 5);

    expect(gaps).toEqual([30, 60, 5, 120]);
  });
});
