import { describe, expect, test } from 'vitest';
import { servableUntil } from '../../../lambda/broker/token.ts';
import type { Fault } from '../../../local/fegora/faults.ts';
import { type Answer, account, type Cluster, startCluster, type TableTrouble } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const forEver = { times: null } as const;
const refusal = JSON.stringify({ error: 'invalid_grant' });

const faults: readonly (readonly [string, Fault])[] = [
  ['refuses the password', { kind: 'answer', status: 400, body: refusal, ...forEver }],
  ['answers 500', { kind: 'answer', status: 500, ...forEver }],
  ['answers 503', { kind: 'answer', status: 503, ...forEver }],
  ['answers 504', { kind: 'answer', status: 504, ...forEver }],
  ['hangs', { kind: 'hang', ...forEver }],
  ['cuts connections', { kind: 'reset', ...forEver }],
];

const perSecond = full(20, 2);
const lifetimeSeconds = full(1801, 301);
const environments = 5;

/** Has a token in every environment; says how long it may be served. */
async function warmed(cluster: Cluster): Promise<number> {
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

describe('promise 9: a token that is held is served to its margin, 100 % of the calls', () => {
  test.each(faults)('while Fegora %s', async (_, fault) => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const servableMs = await warmed(cluster);
    cluster.fegora.addFault(fault);
    const answers = await answersTo(cluster, perSecond, servableMs);

    expect(codesOf(answers)).toEqual(['served']);
    expect(answers.at(-1)?.grant?.warning).toBe('renewal_failing');
    expect(cluster.fegora.counters().attempts).toBeGreaterThan(1);
    expect(codesOf(await cluster.askAll())).not.toContain('served');
  });

  const troubles: readonly (readonly [string, (cluster: Cluster, servableMs: number) => Promise<void> | void])[] = [
    ['Fegora hangs', ({ fegora }) => fegora.addFault({ kind: 'hang', ...forEver })],
    [
      'a renewal failed before',
      async ({ fegora, pass, until, ask }, servableMs) => {
        fegora.addFault({ kind: 'hang', ...forEver });
        await pass(servableMs - 65_000);
        await until(ask(0));
      },
    ],
    ['the table hangs', ({ table }) => Object.assign(table, { trouble: () => 'hanging' })],
  ];

  test.each(troubles)('also to whoever would renew it, however near the margin, when %s', async (_, begin) => {
    const answers: Answer[] = [];
    for (let beforeMs = 300; beforeMs < 12_000; beforeMs += full(100, 900)) {
      const cluster = await startCluster({ lifetimeSeconds: 301 });
      const servableMs = await warmed(cluster);
      await begin(cluster, servableMs);
      await cluster.pass(servableMs - beforeMs - cluster.clock.monotonic());
      answers.push(...(await cluster.askAll()));
    }

    expect(codesOf(answers)).toEqual(['served']);
  });
});

describe('promise 10: nothing is served past its margin', () => {
  const troubles: readonly TableTrouble[] = ['down', 'throttled', 'hanging', 'lost', undefined];

  test.each(troubles)('whatever is down, the table being %s', async (trouble) => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 121 });
    const servableMs = await warmed(cluster);
    cluster.fegora.addFault({ kind: 'hang', ...forEver });
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
  test('no effect while a token is valid', async () => {
    const cluster = await startCluster({ environments, lifetimeSeconds });
    const servableMs = await warmed(cluster);
    cluster.secret.isDown = true;
    const answers = await answersTo(cluster, perSecond, servableMs);

    expect(codesOf(answers)).toEqual(['served']);
  });

  test('credentials in memory renew tokens for 15 minutes', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 601 });
    await warmed(cluster);
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

  test.each(troubles)('%s: valid tokens are served, no login is started, and it is counted', async (trouble) => {
    const cluster = await startCluster({ environments, lifetimeSeconds: 301 });
    const servableMs = await warmed(cluster);
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

describe('promise 14: after a failure the next call can succeed', () => {
  /** What breaks, and how long Fegora is left alone then. Seconds. */
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

  test.each(failures)('%s', async (_, restSeconds, breakDown) => {
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

test('promise 18: an expired token is not served, and the next claim removes it', async () => {
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
