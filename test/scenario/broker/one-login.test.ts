// Tests that there is never more than one login at once: concurrent calls, wrong clocks, waiting callers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answer, account, type Cluster, startCluster } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const hourMs = 3_600_000;

test('promise 1: makes 1 login and gives 200 equal answers when 200 calls come at once in a cold environment', async () => {
  const { ask, until, fegora, table } = await startCluster();
  const answers = await until(...Array.from({ length: 200 }, () => ask(0)));

  expect(fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  const [first] = answers;
  expect(first?.grant?.source).toBe('upstream');
  expect(answers.map(({ grant }) => grant)).toEqual(answers.map(() => first?.grant));
  // One read, one claim, one publication.
  expect(table.calls.map(({ operation }) => operation)).toEqual(['GetItem', 'UpdateItem', 'UpdateItem']);
});

test('promise 1: makes 1 login when more calls come while it is in flight', async () => {
  const { ask, until, pass, fegora } = await startCluster();
  fegora.set({ delayMs: 1000 });
  const early = [ask(0), ask(0)];
  await pass(600);
  const answers = await until(...early, ask(0), ask(0));

  expect(fegora.counters().attempts).toBe(1);
  expect(answers.map(({ tookMs }) => tookMs)).toEqual([1000, 1000, 400, 400]);
  expect(new Set(answers.map(({ grant }) => grant?.token.fingerprint)).size).toBe(1);
});

describe('promise 5: wrong clocks', () => {
  const spreads = [
    [-1000, 1000],
    [0, 2000],
    [-2000, 0],
  ] as const;

  test.each(spreads)(
    'makes one login per token and serves none past its end when clocks are off by %i to %i ms',
    async (least, most) => {
      const environments = 8;
      const cluster = await startCluster({ environments, lifetimeSeconds: 61 });
      for (let index = 0; index < environments; index += 1) {
        cluster.shiftMs[index] = least + ((most - least) * index) / (environments - 1);
      }
      cluster.fegora.set({ delayMs: 300 });
      const answers: Answer[] = [];
      await cluster.load(4, full(1200, 180) * 1000, (answer) => answers.push(answer));

      expect(answers.filter(({ error }) => error)).toEqual([]);
      expect(servedPastEnd(cluster, answers)).toEqual([]);
      const { logins, maxInFlight } = cluster.fegora.counters();
      expect(maxInFlight).toBe(1);
      // Two logins are at least half a lifetime apart.
      expect(logins).toBeLessThanOrEqual(full(1200, 180) / 30 + 1);
    },
  );

  test.each([3 * hourMs, -3 * hourMs])(
    'does not serve a cached token longer when the wall clock jumps by %i ms',
    async (jumpMs) => {
      const cluster = await startCluster({ lifetimeSeconds: 601 });
      await cluster.askAll();
      await cluster.pass(100_000);
      cluster.shiftMs[0] = jumpMs;
      const answers: Answer[] = [];
      await cluster.load(0.5, 900_000, (answer) => answers.push(answer));

      expect(servedPastEnd(cluster, answers)).toEqual([]);
      // Its clock differs from the table's, so the environment may neither trust the item nor log in.
      expect(cluster.fegora.counters().attempts).toBe(1);
      expect(answers.at(-1)?.error?.code).toBe('table_unavailable');
      expect(cluster.observed('clock_unsteady')).toBeGreaterThan(0);
      cluster.shiftMs[0] = 0;
      expect((await cluster.askAll())[0]?.grant?.source).toBe('upstream');
    },
  );

  test.each([3 * hourMs, -3 * hourMs])(
    'sends nothing and lets another environment log in when the wall clock jumps by %i ms during a claim',
    async (jumpMs) => {
      const cluster = await startCluster({ environments: 2 });
      cluster.table.trouble = (operation, environment) => {
        if (operation === 'UpdateItem' && environment === 0) {
          cluster.shiftMs[0] = jumpMs;
        }
        return undefined;
      };
      const [jumped] = await cluster.until(cluster.ask(0));

      expect(jumped?.error?.code).toBe('table_unavailable');
      expect(cluster.fegora.counters().attempts).toBe(0);
      expect(cluster.observed('guard_expired')).toBe(1);
      const [other] = await cluster.until(cluster.ask(1));
      expect(other).toMatchObject({ tookMs: 0, grant: { source: 'upstream' } });
    },
  );

  test.each([3 * hourMs, -3 * hourMs])(
    'does not delay other environments when the wall clock jumps by %i ms during a login',
    async (jumpMs) => {
      for (const fault of [undefined, { kind: 'answer', status: 503, delayMs: 1000 }] as const) {
        const cluster = await startCluster({ environments: 2, lifetimeSeconds: 61 });
        cluster.fegora.set({ delayMs: 1000 });
        if (fault !== undefined) {
          cluster.fegora.addFault(fault);
        }
        const jumping = cluster.ask(0);
        await cluster.pass(500);
        cluster.shiftMs[0] = jumpMs;
        await cluster.until(jumping);
        await cluster.pass(70_000);
        const [other] = await cluster.until(cluster.ask(1));

        expect(servedPastEnd(cluster, [await jumping])).toEqual([]);
        expect(other).toMatchObject({ grant: { source: 'upstream' } });
      }
    },
  );

  test('reports the difference between Fegora’s clock and ours', async () => {
    const { ask, pass, until, noticed } = await startCluster();
    await pass(300);
    await until(ask(0));

    // Fegora's times are in whole seconds.
    expect(noticed).toContainEqual({ kind: 'clock_skew', account, ms: -300 });
  });

  test('never makes two logins at once and serves nothing past its end when clocks jump at random', async () => {
    const environments = 3;
    const jump = fc.record({
      atMs: fc.integer({ min: 0, max: 60_000 }),
      environment: fc.nat(environments - 1),
      toMs: fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -5 * hourMs, max: 5 * hourMs })),
    });
    const delays = fc.constantFrom(0, 900, 3000, 9000, 20_000);
    await fc.assert(
      fc.asyncProperty(fc.array(jump, { maxLength: 8 }), delays, async (jumps, delayMs) => {
        const cluster = await startCluster({ environments, lifetimeSeconds: 31 });
        cluster.fegora.set({ delayMs });
        for (const { atMs, environment, toMs } of jumps) {
          void cluster.clock.sleep(atMs).then(() => {
            cluster.shiftMs[environment] = toMs;
          });
        }
        const answers: Answer[] = [];
        await cluster.load(3, 90_000, (answer) => answers.push(answer));
        expect(cluster.fegora.counters().overlapsSeen).toBe(0);
        expect(servedPastEnd(cluster, answers)).toEqual([]);
      }),
      { numRuns: full(300, 12), seed: 5 },
    );
  });
});

describe('promise 7: a waiting caller at its deadline', () => {
  /** Lets an environment send its login and then lose Fegora's answer and the table. */
  async function vanishedLeader(cluster: Cluster): Promise<void> {
    cluster.fegora.addFault({ kind: 'hang' });
    void cluster.ask(0);
    await cluster.pass(100);
    cluster.table.trouble = (_, environment) => (environment === 0 ? 'down' : undefined);
  }

  test('answers renewal_in_progress with a time to retry, and never logs in, when a waiting caller reaches its deadline', async () => {
    const cluster = await startCluster({ environments: 3 });
    await vanishedLeader(cluster);
    const [waited, hurried, joined] = await cluster.until(
      cluster.ask(1),
      cluster.ask(2, {}, 3000),
      cluster.ask(0, {}, 3000),
    );

    expect(waited).toMatchObject({ tookMs: 10_000, error: { code: 'renewal_in_progress' } });
    // A lease of 15 s plus 2 s for clock differences.
    expect(waited?.error?.retryAfterMs).toBeGreaterThan(6000);
    expect(waited?.error?.retryAfterMs).toBeLessThanOrEqual(17_000 - 10_000);
    expect(hurried).toMatchObject({ tookMs: 2500, error: { code: 'renewal_in_progress' } });
    expect(joined).toMatchObject({ tookMs: 2500, error: { code: 'renewal_in_progress' } });
    expect(joined?.error?.retryable).toBe(true);
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('takes over when the lease has ended and not before', async () => {
    const cluster = await startCluster({ environments: 2 });
    await vanishedLeader(cluster);
    const answers: Answer[] = [];
    for (let second = 0; second < 30; second += 1) {
      void cluster.ask(1).then((answer) => answers.push(answer));
      await cluster.pass(1000);
    }
    const served = answers.filter(({ grant }) => grant);

    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 1, overlapsSeen: 0 });
    const takenOverAt = (cluster.fegora.logins()[1]?.at ?? 0) - (cluster.fegora.logins()[0]?.at ?? 0);
    expect(takenOverAt).toBeGreaterThanOrEqual(17_000);
    expect(takenOverAt).toBeLessThan(18_000);
    expect(served.length).toBeGreaterThan(10);
  });

  test('answers deadline when a caller has too little time left for a login', async () => {
    const cluster = await startCluster();
    const [answer] = await cluster.until(cluster.ask(0, {}, 9_999));

    expect(answer).toMatchObject({ error: { code: 'deadline' } });
    expect(cluster.fegora.counters().attempts).toBe(0);
    expect(cluster.table.rows.get(account)).toBeUndefined();
  });
});

/** Returns the answers whose token Fegora would not accept any more. */
function servedPastEnd({ endsAt }: Cluster, answers: readonly Answer[]): readonly Answer[] {
  return answers.filter(
    ({ grant, answeredAt }) => grant !== undefined && !(answeredAt < endsAt(grant.token.accessToken)),
  );
}
