import { describe, expect, test } from 'vitest';
import { type Answer, account, type Cluster, startCluster } from '../../support/cluster.ts';

const environments = 20;
/** After a login none is due for a minute, forced ones excepted: until then no report could cost one by mistake. */
const longerThanGapMs = 61_000;

function codesOf(answers: readonly Answer[]): (string | undefined)[] {
  return [...new Set(answers.map(({ error }) => error?.code))];
}

/** Many callers of all environments report one token at once. */
function report({ ask, until }: Cluster, rejected: string | undefined, callers = 100): Promise<Answer[]> {
  const asked = Array.from({ length: callers }, (_, caller) =>
    ask(caller % environments, rejected === undefined ? {} : { rejected }),
  );
  return until(...asked);
}

describe('promise 36: a token that Fegora answers 401 to', () => {
  test('reported by 100 callers over 20 environments costs 1 login, and all get the new one', async () => {
    const cluster = await startCluster({ environments });
    const [before] = await cluster.askAll();
    const rejected = before?.grant?.token.fingerprint;
    cluster.fegora.changeKey();
    cluster.fegora.set({ delayMs: 600 });
    const answers = await report(cluster, rejected);

    expect(codesOf(answers)).toEqual([undefined]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2, overlapsSeen: 0 });
    const fingerprints = new Set(answers.map(({ grant }) => grant?.token.fingerprint));
    expect(fingerprints.size).toBe(1);
    expect(fingerprints).not.toContain(rejected);
    // Everybody has it in memory from now on.
    const afterwards = await cluster.askAll();
    expect(new Set(afterwards.map(({ grant }) => grant?.token.fingerprint))).toEqual(fingerprints);
    expect(afterwards.map(({ grant }) => grant?.source)).toEqual(afterwards.map(() => 'memory'));
  });

  test('others are served at once meanwhile', async () => {
    const cluster = await startCluster({ environments });
    const [before] = await cluster.askAll();
    cluster.fegora.set({ delayMs: 3000 });
    const rejected = before?.grant?.token.fingerprint ?? '';
    const reporting = cluster.ask(0, { rejected });
    await cluster.pass(500);
    cluster.restart(2);
    const others = await cluster.askAll();

    expect(codesOf(others)).toEqual([undefined]);
    expect(others.filter(({ tookMs }) => tookMs > 0)).toEqual([]);
    const [reported] = await cluster.until(reporting);
    expect(reported).toMatchObject({ tookMs: 3000, grant: { source: 'upstream' } });
  });

  test('that is an older one costs no login: the current one is handed out', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 601 });
    const [before] = await cluster.askAll();
    await cluster.pass(601_000);
    const [current] = await cluster.askAll();
    await cluster.pass(longerThanGapMs);
    const answers = await report(cluster, before?.grant?.token.fingerprint);

    expect(new Set(answers.map(({ grant }) => grant?.token.fingerprint))).toEqual(
      new Set([current?.grant?.token.fingerprint]),
    );
    expect(cluster.fegora.counters().attempts).toBe(2);
    expect(answers.map(({ grant }) => grant?.warning)).toEqual(answers.map(() => undefined));
  });

  test('nor does it in the renewal window', async () => {
    const cluster = await startCluster({ environments: 1, random: () => 0 });
    await cluster.askAll();
    await cluster.pass(1_200_000);
    const [answer] = await cluster.until(cluster.ask(0, { rejected: 'f'.repeat(64) }));

    expect(answer?.grant).toBeDefined();
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('nor does one that we never handed out', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    await cluster.pass(longerThanGapMs);
    const answers = await report(cluster, 'f'.repeat(64));

    expect(answers.map(({ grant }) => grant?.token.fingerprint)).toEqual(
      answers.map(() => first?.grant?.token.fingerprint),
    );
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('three times in five minutes, then 429 until these are over', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    cluster.fegora.set({ delayMs: 200 });
    let rejected = first?.grant?.token.fingerprint;
    for (const forced of [1, 2, 3]) {
      await cluster.pass(10_000);
      const answers = await report(cluster, rejected);
      expect(codesOf(answers)).toEqual([undefined]);
      expect(cluster.fegora.counters().logins).toBe(forced + 1);
      rejected = answers[0]?.grant?.token.fingerprint;
    }
    await cluster.pass(10_000);
    const over = await report(cluster, rejected);

    expect(codesOf(over)).toEqual(['too_many_rejections']);
    // The five minutes began with the first of the three, three times 10 s and the waits of three rounds ago.
    expect(over[0]?.error?.retryAfterMs).toBeLessThan(270_000);
    expect(over[0]?.error?.retryAfterMs).toBeGreaterThan(267_000);
    expect(over[0]?.error?.status).toBe(429);
    expect(cluster.fegora.counters().attempts).toBe(4);
    // Whoever reports nothing is served, and is not told of any failing.
    const plain = await cluster.askAll();
    expect(codesOf(plain)).toEqual([undefined]);
    expect(plain.map(({ grant }) => grant?.warning)).toEqual(plain.map(() => undefined));
    await cluster.pass(over[0]?.error?.retryAfterMs ?? 0);
    expect(codesOf(await report(cluster, rejected))).toEqual([undefined]);
    expect(cluster.fegora.counters().attempts).toBe(5);
  });

  test('whose login fails: the reporter is told, others keep their token, and the hold stands for reports too', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    const rejected = first?.grant?.token.fingerprint ?? '';
    await cluster.pass(10_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    const reports = await report(cluster, rejected);
    const again = await report(cluster, rejected);

    expect(codesOf([...reports, ...again])).toEqual(['upstream_unavailable']);
    expect(cluster.fegora.counters().attempts).toBe(2);
    expect(codesOf(await cluster.askAll())).toEqual([undefined]);
    cluster.fegora.clearFaults();
    await cluster.pass(6300);
    // One tries again, and the others are told at once what stands until it has succeeded.
    expect(codesOf(await report(cluster, rejected)).sort()).toEqual(['upstream_unavailable', undefined]);
    expect(codesOf(await report(cluster, rejected))).toEqual([undefined]);
    expect(cluster.fegora.counters().attempts).toBe(3);
  });

  test('with a secret that Fegora refuses by now: one refusal, and the marks hold for reports too', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    const rejected = first?.grant?.token.fingerprint ?? '';
    cluster.fegora.setPassword('25365421', 'not-what-the-secret-says');
    const reports = await report(cluster, rejected);
    await cluster.pass(20_000);
    const again = await report(cluster, rejected);

    expect(codesOf([...reports, ...again])).toEqual(['credentials_rejected']);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 1 });
    expect(cluster.table.rows.get(account)?.forced_count?.N).toBe('1');
  });

  test('reported with little time left is not renewed, and says why', async () => {
    const { ask, askAll, until, fegora } = await startCluster();
    const [first] = await askAll();
    const [answer] = await until(ask(0, { rejected: first?.grant?.token.fingerprint ?? '' }, 9000));

    expect(answer?.error?.code).toBe('deadline');
    expect(fegora.counters().attempts).toBe(1);
  });
});
