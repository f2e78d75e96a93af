// Tests short lifetimes and callers that ask for more validity than the lifetime allows.
import { describe, expect, test } from 'vitest';
import { expiresAt, loginGapMs, servableUntil } from '../../../lambda/broker/token.ts';
import { type Answer, type Cluster, startCluster } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const environments = 5;
const perSecond = full(20, 4);

async function answersTo(cluster: Cluster, rate: number, forMs: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  await cluster.load(rate, forMs, (answer) => answers.push(answer));
  return answers;
}

function leastGapMs({ fegora }: Cluster): number {
  const times = fegora.logins().map(({ at }) => at);
  return Math.min(...times.slice(1).map((time, index) => time - (times[index] ?? 0)));
}

describe('promise 34: short lifetimes', () => {
  const lifetimes = [5, 6, 7, 9, 10, 11, 15, 20, 30, 45, 60, 90, 120];

  test.each(lifetimes)(
    'logs in at most once in half a lifetime, and at most every 5 s, with a lifetime of %i s',
    async (seconds) => {
      // `expires_in` is one second less than the simulator's lifetime.
      const cluster = await startCluster({ environments, lifetimeSeconds: seconds + 1 });
      const forMs = full(20, 5) * seconds * 1000;
      const answers = await answersTo(cluster, perSecond, forMs);

      const gapMs = Math.max((seconds * 1000) / 2, 5000);
      expect(answers.filter(({ error }) => error)).toEqual([]);
      expect(leastGapMs(cluster)).toBeGreaterThanOrEqual(Math.min(gapMs, 60_000));
      expect(cluster.fegora.counters().logins).toBeLessThanOrEqual(forMs / gapMs + 1);
      expect(answers.every(({ grant, answeredAt }) => grant && answeredAt < servableUntil(grant.token))).toBe(true);
      expect(loginGapMs(seconds * 1000)).toBe(gapMs);
    },
  );

  test('answers upstream_invalid_response and backs off for 5 minutes when the lifetime is under 5 s', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 5 });
    const answers = await answersTo(cluster, 2, 299_000);

    expect(new Set(answers.map(({ error }) => error?.code))).toEqual(new Set(['upstream_invalid_response']));
    expect(cluster.fegora.counters().attempts).toBe(1);
  });
});

describe('promise 37: a caller that asks for more validity than the lifetime allows', () => {
  const hourMs = 3_600_000;

  test.each([10, 60, 300, 1800])(
    'serves with a warning and the true end, without extra logins, when the lifetime is only %i s',
    async (seconds) => {
      const cluster = await startCluster({ environments, lifetimeSeconds: seconds + 1 });
      const { ask, pass, until, fegora, endsAt } = cluster;
      const answers: Answer[] = [];
      const asks = full(2000, 200);
      const stepMs = (10 * seconds * 1000) / asks;
      for (let asked = 0; asked < asks; asked += 1) {
        const [answer] = await until(ask(asked % environments, { minValidityMs: hourMs }));
        answers.push(...(answer === undefined ? [] : [answer]));
        await pass(stepMs);
      }

      expect(answers.filter(({ error }) => error)).toEqual([]);
      expect(new Set(answers.map(({ grant }) => grant?.warning))).toEqual(new Set(['min_validity_unmet']));
      expect(leastGapMs(cluster)).toBeGreaterThanOrEqual(loginGapMs(seconds * 1000));
      // Such a caller gets at least half the lifetime, so each token serves until then.
      expect(fegora.counters().logins).toBeLessThanOrEqual(21);
      const off = answers.map(({ grant }) => (grant ? endsAt(grant.token.accessToken) - expiresAt(grant.token) : 0));
      // The simulator cuts `.issued` to whole seconds, and its tokens live one second longer than it states.
      expect(Math.max(...off.map(Math.abs))).toBeLessThanOrEqual(1000);
    },
  );

  test('logs in early without a warning when the lifetime allows the validity asked for', async () => {
    const { ask, until, pass, fegora } = await startCluster({ lifetimeSeconds: 1801 });
    await until(ask(0));
    await pass(890_000);
    const [cached] = await until(ask(0, { minValidityMs: 600_000 }));
    await pass(320_000);
    const [renewed] = await until(ask(0, { minValidityMs: 600_000 }));

    expect(cached?.grant).toMatchObject({ source: 'memory' });
    expect(renewed?.grant).toMatchObject({ source: 'upstream' });
    expect([cached?.grant?.warning, renewed?.grant?.warning]).toEqual([undefined, undefined]);
    expect(fegora.counters().logins).toBe(2);
  });

  test('serves the cached token with the warning renewal_failing when the early login fails', async () => {
    const { ask, until, pass, fegora } = await startCluster({ lifetimeSeconds: 1801 });
    await until(ask(0));
    await pass(1_000_000);
    fegora.addFault({ kind: 'answer', status: 503, times: null });
    const [answer] = await until(ask(0, { minValidityMs: hourMs }));

    expect(answer?.grant).toMatchObject({ source: 'memory', warning: 'renewal_failing' });
  });

  test('serves the cached token with a warning when the login of another environment is not done in time', async () => {
    const { ask, until, pass, fegora } = await startCluster({ environments: 2, lifetimeSeconds: 1801 });
    await until(ask(0), ask(1));
    await pass(1_000_000);
    fegora.set({ delayMs: 1900 });
    const renewing = ask(0, { minValidityMs: hourMs });
    await pass(100);
    const [waited, hurried] = await until(ask(1, { minValidityMs: hourMs }), ask(1, { minValidityMs: hourMs }, 1000));
    await until(renewing);

    expect(waited?.grant).toMatchObject({ source: 'shared' });
    expect(hurried).toMatchObject({ tookMs: 500, grant: { source: 'memory', warning: 'min_validity_unmet' } });
    expect(fegora.counters().attempts).toBe(2);
  });
});
