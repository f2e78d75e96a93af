// Tests how many environments share one renewal in the renewal window.
import { describe, expect, test } from 'vitest';
import { renewableFrom, servableUntil } from '../../../lambda/broker/token.ts';
import { type Answer, account, type Cluster, startCluster } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const environments = full(20, 8);
const perSecond = full(20, 4);
const lifetimeSeconds = 1801;

/** Gives all environments the same token and lets time pass until its renewal window may open. */
async function atTheWindow(cluster: Cluster): Promise<{ readonly windowMs: number }> {
  const [first] = await cluster.askAll();
  const token = first?.grant?.token;
  if (token === undefined) {
    throw new Error('no token to begin with');
  }
  await cluster.pass(renewableFrom(token, 0) - cluster.clock.now());
  return { windowMs: servableUntil(token) - cluster.clock.now() };
}

async function answersTo(cluster: Cluster, rate: number, forMs: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  await cluster.load(rate, forMs, (answer) => answers.push(answer));
  return answers;
}

function loginTimes({ fegora, clock }: Cluster): number[] {
  const startedAt = clock.now() - clock.monotonic();
  return fegora.logins().map(({ at }) => at - startedAt);
}

/**
 * Returns the shortest time between two reads of the table by one environment. Milliseconds.
 *
 * @param from a time at which the window is open for every environment: the looks before it are not counted. Epoch
 *   milliseconds
 */
function leastReadGapMs({ table }: Cluster, from: number): number {
  const reads = Map.groupBy(
    table.calls.filter(({ operation, at }) => operation === 'GetItem' && at >= from),
    ({ environment }) => environment,
  );
  const gaps = [...reads.values()].flatMap((calls) =>
    calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0)),
  );
  return Math.min(...gaps);
}

describe('promise 15: the renewal window', () => {
  test('lets one caller renew in the renewal window while no other caller waits', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const { windowMs } = await atTheWindow(cluster);
    cluster.fegora.set({ delayMs: 800 });
    const answers = await answersTo(cluster, perSecond, windowMs);

    expect(answers.filter(({ error }) => error)).toEqual([]);
    expect(answers.filter(({ grant }) => grant?.warning)).toEqual([]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2, overlapsSeen: 0 });
    const waited = answers.filter(({ tookMs }) => tookMs > 0);
    expect(waited).toHaveLength(1);
    expect(waited[0]).toMatchObject({ tookMs: 800, grant: { source: 'upstream' } });
  });

  test('finds the new token within 10 s in each environment, with at most one read in 10 s', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    await atTheWindow(cluster);
    await cluster.pass(160_000);
    cluster.table.calls.length = 0;
    const answers = await answersTo(cluster, perSecond, 45_000);

    const renewedAt = answers.find(({ grant }) => grant?.source === 'upstream')?.askedAt ?? Number.NaN;
    const fingerprints = answers
      .filter(({ askedAt }) => askedAt > renewedAt + 10_000 + (1000 * environments) / perSecond)
      .map(({ grant }) => grant?.token.fingerprint);
    expect(new Set(fingerprints).size).toBe(1);
    expect(fingerprints.length).toBeGreaterThan(0);
    expect(cluster.fegora.counters().logins).toBe(2);
    // An environment with the new token does not read the table again.
    expect(cluster.table.calls.filter(({ operation }) => operation === 'GetItem').length).toBeLessThan(
      environments * 2,
    );
  });

  test('serves the caller whose renewal fails, with a warning and without a delay', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const { windowMs } = await atTheWindow(cluster);
    const openForAll = cluster.clock.now() + windowMs / 4 + 10_000;
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    cluster.table.calls.length = 0;
    const answers = await answersTo(cluster, perSecond, windowMs - 100_000);
    cluster.fegora.clearFaults();
    const afterwards = await answersTo(cluster, perSecond, 80_000);

    expect(answers.filter(({ error }) => error)).toEqual([]);
    expect(answers.filter(({ tookMs }) => tookMs > 0)).toEqual([]);
    expect(answers.at(-1)?.grant).toMatchObject({ source: 'memory', warning: 'renewal_failing' });
    expect(leastReadGapMs(cluster, openForAll)).toBeGreaterThanOrEqual(10_000);
    expect(afterwards.filter(({ error }) => error)).toEqual([]);
    expect(afterwards.slice(-environments).map(({ grant }) => grant?.warning)).toEqual(
      Array.from({ length: environments }),
    );
  });

  test('delays the caller by 2 s when the first renewal hangs, and by 21 s or 8 s at each later one, a minute apart', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const { windowMs } = await atTheWindow(cluster);
    cluster.fegora.addFault({ kind: 'hang', times: null });
    const answers = await answersTo(cluster, perSecond, windowMs - 10_000);

    const waited = answers.filter(({ tookMs }) => tookMs > 0).map(({ tookMs }) => tookMs);
    expect(answers.filter(({ error }) => error)).toEqual([]);
    // The login after one that was cut listens long, and then every third.
    expect(waited.slice(0, 5)).toEqual([2000, 21_000, 21_000, 8000, 8000]);
    const times = loginTimes(cluster).slice(1);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000);
  });

  test('does not renew for a caller with less than 10 s left', async () => {
    const cluster = await startCluster({ lifetimeSeconds });
    await atTheWindow(cluster);
    await cluster.pass(160_000);
    cluster.table.calls.length = 0;
    const [hurried] = await cluster.until(cluster.ask(0, {}, 9999));

    expect(hurried?.grant?.source).toBe('memory');
    // It only looks whether its token is still valid.
    expect(cluster.table.calls).toMatchObject([{ operation: 'GetItem' }]);
    const [patient] = await cluster.until(cluster.ask(0, {}, 10_000));
    expect(patient?.grant?.source).toBe('upstream');
  });

  test('renews in a warm-up from the start of the window and gives Fegora the full time', async () => {
    const cluster = await startCluster({ environments: 2, lifetimeSeconds });
    await atTheWindow(cluster);
    cluster.fegora.set({ delayMs: 7000 });
    const warm = (environment: number) => cluster.brokers[environment]?.warm(account, () => 25_000);

    expect(await cluster.until(Promise.resolve(warm(0)))).toMatchObject([{ outcome: 'renewed' }]);
    expect(await cluster.until(Promise.resolve(warm(1)))).toMatchObject([{ outcome: 'fresh' }]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2 });
  });

  test('serves a new environment at once while another environment renews', async () => {
    const cluster = await startCluster({ environments: 3, lifetimeSeconds });
    await atTheWindow(cluster);
    await cluster.pass(160_000);
    cluster.fegora.set({ delayMs: 1500 });
    const renewing = cluster.ask(0);
    await cluster.pass(500);
    cluster.restart(1);
    const [meanwhile] = await cluster.until(cluster.ask(1));
    await cluster.until(renewing);

    expect(meanwhile).toMatchObject({ tookMs: 0, grant: { source: 'shared' } });
    expect(meanwhile?.grant?.warning).toBeUndefined();
    expect(await renewing).toMatchObject({ tookMs: 1500, grant: { source: 'upstream' } });
  });

  test('lets only the first of many calls wait for the renewal when a new environment starts in the window', async () => {
    const cluster = await startCluster({ environments: 2, lifetimeSeconds });
    await atTheWindow(cluster);
    await cluster.pass(160_000);
    cluster.fegora.set({ delayMs: 1500 });
    cluster.restart(1);
    const answers = await cluster.until(...Array.from({ length: 50 }, () => cluster.ask(1)));

    expect(answers.filter(({ error }) => error)).toEqual([]);
    expect(answers.filter(({ tookMs }) => tookMs > 0)).toHaveLength(1);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2 });
  });
});
