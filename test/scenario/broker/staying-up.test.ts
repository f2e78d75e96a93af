// Tests that tokens are served up to their margin, and no longer, while any dependency is down.
import { describe, expect, test } from 'vitest';
import { servableUntil } from '../../../lambda/broker/token.ts';
import type { Fault } from '../../../local/fegora/faults.ts';
import { type Answer, account, type Cluster, startCluster, type TableTrouble } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const always = { times: null } as const;
const refusal = JSON.stringify({ error: 'invalid_grant' });

const faults: readonly (readonly [string, Fault])[] = [
  ['refuses the password', { kind: 'answer', status: 400, body: refusal, ...always }],
  ['answers 500', { kind: 'answer', status: 500, ...always }],
  ['answers 503', { kind: 'answer', status: 503, ...always }],
  ['answers 504', { kind: 'answer', status: 504, ...always }],
  ['hangs', { kind: 'hang', ...always }],
  ['cuts connections', { kind: 'reset', ...always }],
];

const perSecond = full(20, 2);
const lifetimeSeconds = full(1801, 301);
const environments = 5;

/** Gives every environment a token. Returns how long the token may be served. Milliseconds. */
async function cacheToken(cluster: Cluster): Promise<number> {
  const [first] = await cluster.askAll();
  return first?.grant === undefined ? Number.NaN : servableUntil(first.grant.token) - cluster.clock.now();
}

async function answersTo(cluster: Cluster, rate: number, forMs: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  await cluster.load(rate, forMs, (answer) => answers.push(answer));
  return answers;
}

function codesOf(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ error }) => error?.code ?? 'served'))].sort();
}

function servedTooLate(answers: readonly Answer[]): Answer[] {
  return answers.filter(({ grant, answeredAt }) => grant !== undefined && answeredAt >= servableUntil(grant.token));
}

describe('promise 9: a cached token up to its margin', () => {
  test.each(faults)('serves 100 % of the calls from the cached token while Fegora %s', async (_, fault) => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const servableMs = await cacheToken(cluster);
    cluster.fegora.addFault(fault);
    const answers = await answersTo(cluster, perSecond, servableMs);

    expect(codesOf(answers)).toEqual(['served']);
    expect(answers.at(-1)?.grant?.warning).toBe('renewal_failing');
    expect(cluster.fegora.counters().attempts).toBeGreaterThan(1);
    expect(codesOf(await cluster.askAll())).not.toContain('served');
  });

  const troubles: readonly (readonly [string, (cluster: Cluster, servableMs: number) => Promise<void> | void])[] = [
    ['Fegora hangs', ({ fegora }) => fegora.addFault({ kind: 'hang', ...always })],
    [
      'a renewal failed before',
      async ({ fegora, pass, until, ask }, servableMs) => {
        fegora.addFault({ kind: 'hang', ...always });
        await pass(servableMs - 65_000);
        await until(ask(0));
      },
    ],
    ['the table hangs', ({ table }) => Object.assign(table, { trouble: () => 'hanging' })],
  ];

  test.each(troubles)(
    'serves the cached token to the caller that tries to renew it, however near the margin, when %s',
    async (_, begin) => {
      const answers: Answer[] = [];
      for (let beforeMs = 300; beforeMs < 12_000; beforeMs += full(100, 900)) {
        const cluster = await startCluster({ lifetimeSeconds: 301 });
        const servableMs = await cacheToken(cluster);
        await begin(cluster, servableMs);
        await cluster.pass(servableMs - beforeMs - cluster.clock.monotonic());
        answers.push(...(await cluster.askAll()));
      }

      expect(codesOf(answers)).toEqual(['served']);
    },
  );
});

describe('promise 10: a token past its margin', () => {
  const troubles: readonly TableTrouble[] = ['down', 'throttled', 'hanging', 'lost', undefined];

  test.each(troubles)('serves nothing past its margin when all is down and the table is %s', async (trouble) => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 121 });
    const servableMs = await cacheToken(cluster);
    cluster.fegora.addFault({ kind: 'hang', ...always });
    cluster.secret.isDown = true;
    cluster.table.trouble = () => trouble;
    await cluster.pass(servableMs - 8000);
    const answers = await answersTo(cluster, full(50, 10), 20_000);

    expect(servedTooLate(answers)).toEqual([]);
    expect(codesOf(answers)).toContain('served');
    expect(codesOf(answers).length).toBeGreaterThan(1);
  });
});

describe('promise 11: Secrets Manager is down', () => {
  test('serves all calls from the cached token while Secrets Manager is down', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const servableMs = await cacheToken(cluster);
    cluster.secret.isDown = true;
    const answers = await answersTo(cluster, perSecond, servableMs);

    expect(codesOf(answers)).toEqual(['served']);
  });

  test('renews tokens with cached credentials for 15 minutes while Secrets Manager is down', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 601 });
    await cacheToken(cluster);
    cluster.secret.isDown = true;
    const early = await answersTo(cluster, 0.5, 14 * 60_000);
    const logins = cluster.fegora.counters().logins;
    const late = await answersTo(cluster, 0.5, 16 * 60_000);

    expect(codesOf(early)).toEqual(['served']);
    expect(logins).toBe(3);
    expect(codesOf(late)).toEqual(['secret_unavailable', 'served']);
    expect(cluster.fegora.counters().logins).toBe(logins);
    cluster.secret.isDown = false;
    expect(codesOf(await cluster.askAll())).toEqual(['served']);
  });
});

describe('promise 12: the table cannot be used', () => {
  const troubles: readonly TableTrouble[] = ['down', 'throttled', 'hanging'];

  test.each(troubles)('serves valid tokens, starts no login and counts it when the table is %s', async (trouble) => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 301 });
    const servableMs = await cacheToken(cluster);
    cluster.table.trouble = () => trouble;
    const answers = await answersTo(cluster, 2, servableMs);
    const afterwards = await cluster.askAll();

    expect(codesOf(answers)).toEqual(['served']);
    expect(codesOf(afterwards)).toEqual(['table_unavailable']);
    expect(cluster.observed('table_unavailable')).toBeGreaterThan(0);
    expect(cluster.fegora.counters().attempts).toBe(1);
    cluster.table.trouble = () => undefined;
    expect(codesOf(await cluster.askAll())).toEqual(['served']);
    expect(cluster.fegora.counters().attempts).toBe(2);
  });
});

describe('promise 14: the next call after a failure', () => {
  /** What breaks, and how long the back-off after it lasts. Seconds. */
  const failures: readonly (readonly [string, number, (cluster: Cluster) => void])[] = [
    ['Fegora answers 503', 6.25, ({ fegora }) => fegora.addFault({ kind: 'answer', status: 503 })],
    ['Fegora hangs', 17, ({ fegora }) => fegora.addFault({ kind: 'hang' })],
    [
      'Fegora sends an unusable answer',
      300,
      ({ fegora }) => fegora.addFault({ kind: 'answer', status: 200, body: '{}' }),
    ],
    ['Secrets Manager is down', 0, ({ secret }) => Object.assign(secret, { isDown: true })],
    ['the table is down', 0, ({ table }) => Object.assign(table, { trouble: () => 'down' })],
  ];

  test.each(failures)('serves the next call after the back-off when %s', async (_, restSeconds, breakDown) => {
    const cluster = await startCluster({ environments });
    breakDown(cluster);
    const failed = await cluster.until(
      ...Array.from({ length: 50 }, (_unused, asked) => cluster.ask(asked % environments)),
    );
    Object.assign(cluster.secret, { isDown: false });
    Object.assign(cluster.table, { trouble: () => undefined });
    await cluster.pass(restSeconds * 1000);

    expect(codesOf(failed)).not.toContain('served');
    expect(codesOf(await cluster.askAll())).toEqual(['served']);
  });
});

test('promise 18: does not serve an expired token and removes it at the next claim', async () => {
  const cluster = await startCluster({ environments: 2 });
  await cluster.until(cluster.ask(0));
  await cluster.pass(1_801_000);
  cluster.fegora.addFault({ kind: 'answer', status: 503 });
  const stored = () => Object.keys(cluster.table.rows.get(account) ?? {});

  expect(stored()).toEqual(expect.arrayContaining(['access_token', 'seal']));
  expect(codesOf(await cluster.askAll())).toEqual(['upstream_unavailable']);
  expect(stored()).not.toContain('access_token');
  expect(stored()).not.toContain('seal');
});
