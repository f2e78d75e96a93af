// Tests tokens that callers report as rejected by Fegora, with 20 environments on virtual time.
import { describe, expect, test } from 'vitest';
import { type Answer, type Cluster, forcedLogins, startCluster } from '../../support/cluster.ts';

const environments = 20;
/** Longer than the gap of one minute after a login, in which only forced renewals are allowed. */
const longerThanGapMs = 61_000;

function codesOf(answers: readonly Answer[]): (string | undefined)[] {
  return [...new Set(answers.map(({ error }) => error?.code))];
}

/** Lets many callers in all environments report one token at the same time. */
function report({ ask, until }: Cluster, rejected: string | undefined, callers = 100): Promise<Answer[]> {
  const asked = Array.from({ length: callers }, (_, caller) =>
    ask(caller % environments, rejected === undefined ? {} : { rejected }),
  );
  return until(...asked);
}

describe('promise 36: a token that callers report as rejected', () => {
  test('makes 1 login and gives all callers the new token when 100 callers in 20 environments report one token', async () => {
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
    // Every environment has cached it.
    const afterwards = await cluster.askAll();
    expect(new Set(afterwards.map(({ grant }) => grant?.token.fingerprint))).toEqual(fingerprints);
    expect(afterwards.map(({ grant }) => grant?.source)).toEqual(afterwards.map(() => 'memory'));
  });

  test('serves other callers at once while a report waits for its login', async () => {
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

  test('serves the current token without a login when a caller reports an older one', async () => {
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

  test('makes no login when a caller reports another token in the renewal window', async () => {
    const cluster = await startCluster({ environments: 1, random: () => 0 });
    await cluster.askAll();
    await cluster.pass(1_200_000);
    const [answer] = await cluster.until(cluster.ask(0, { rejected: 'f'.repeat(64) }));

    expect(answer?.grant).toBeDefined();
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('makes no login when a caller reports a token that was never issued', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    await cluster.pass(longerThanGapMs);
    const answers = await report(cluster, 'f'.repeat(64));

    expect(answers.map(({ grant }) => grant?.token.fingerprint)).toEqual(
      answers.map(() => first?.grant?.token.fingerprint),
    );
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('allows three forced renewals in five minutes, then answers 429 until they are over', async () => {
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
    // The five minutes began with the first report: three pauses of 10 s and three rounds ago.
    expect(over[0]?.error?.retryAfterMs).toBeLessThan(270_000);
    expect(over[0]?.error?.retryAfterMs).toBeGreaterThan(267_000);
    expect(over[0]?.error?.status).toBe(429);
    expect(cluster.fegora.counters().attempts).toBe(4);
    // Callers that report nothing are served without a warning.
    const plain = await cluster.askAll();
    expect(codesOf(plain)).toEqual([undefined]);
    expect(plain.map(({ grant }) => grant?.warning)).toEqual(plain.map(() => undefined));
    await cluster.pass(over[0]?.error?.retryAfterMs ?? 0);
    expect(codesOf(await report(cluster, rejected))).toEqual([undefined]);
    expect(cluster.fegora.counters().attempts).toBe(5);
  });

  test('gives the reporters the failure and backs off, while others keep their token, when a forced renewal fails', async () => {
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
    // One caller tries again. The others get the stored failure at once until it has succeeded.
    expect(codesOf(await report(cluster, rejected)).sort()).toEqual(['upstream_unavailable', undefined]);
    expect(codesOf(await report(cluster, rejected))).toEqual([undefined]);
    expect(cluster.fegora.counters().attempts).toBe(3);
  });

  test('sends the password only once when Fegora refuses it at a forced renewal', async () => {
    const cluster = await startCluster({ environments });
    const [first] = await cluster.askAll();
    const rejected = first?.grant?.token.fingerprint ?? '';
    cluster.fegora.setPassword('25365421', 'not-what-the-secret-says');
    const reports = await report(cluster, rejected);
    await cluster.pass(20_000);
    const again = await report(cluster, rejected);

    expect(codesOf([...reports, ...again])).toEqual(['credentials_rejected']);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 1 });
    expect(forcedLogins(cluster)).toBe(0);
  });

  test('answers deadline without a login when the reporter has too little time left', async () => {
    const { ask, askAll, until, fegora } = await startCluster();
    const [first] = await askAll();
    const [answer] = await until(ask(0, { rejected: first?.grant?.token.fingerprint ?? '' }, 9000));

    expect(answer?.error?.code).toBe('deadline');
    expect(fegora.counters().attempts).toBe(1);
  });
});
