// Tests that a password that may be wrong is sent at most three times, whatever Fegora answers. Virtual time.
import { describe, expect, test } from 'vitest';
import { mostSends, mostWithin, sentAt, tally } from '../../../support/cluster/tally.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';
import { full } from '../../../support/counts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const environments = 20;
const perSecond = full(0.2, 0.01);
const timeout = { timeout: full(10, 1) * minuteMs };
const wrong = 'not-the-right-one';

const json = (body: object) => JSON.stringify(body);

describe('promise 71: at most three sends of one version in 24 hours', () => {
  test.each([
    ['401 with an OAuth error', { status: 401, body: json({ error: 'invalid_grant' }) }],
    ['401 without a body', { status: 401, body: '' }],
    ['403 «blocked»', { status: 403, body: 'blocked' }],
    ['423', { status: 423 }],
    ['200 with an OAuth error', { status: 200, body: json({ error: 'invalid_grant' }) }],
    ['400 with an HTML page', { status: 400 }],
    ['500 with an OAuth error', { status: 500, body: json({ error: 'invalid_grant' }) }],
    ['404 with an OAuth error', { status: 404, body: json({ error: 'invalid_grant' }) }],
    ['429 with an OAuth error', { status: 429, body: json({ error: 'invalid_grant' }) }],
  ])('sends a wrong password at most three times when it is refused with %s', timeout, async (_, refusedAs) => {
    const cluster = await startCluster({ environments, password: wrong });
    cluster.fegora.set({ refusedAs });
    const answers = await tally(cluster, perSecond, dayMs);

    expect(mostSends(cluster)).toBeLessThanOrEqual(3);
    expect(cluster.fegora.counters().overlapsInside).toBe(0);
    expect(answers).not.toHaveProperty('served');
    expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(1);
  });

  test.each([9, 20])(
    'sends a wrong password at most three times when it is refused after %i s',
    timeout,
    async (seconds) => {
      const cluster = await startCluster({ environments, password: wrong });
      cluster.fegora.set({ delayMs: seconds * 1000 });
      const answers = await tally(cluster, perSecond, dayMs);

      expect(mostSends(cluster)).toBeLessThanOrEqual(3);
      expect(Object.keys(answers)).toContain('credentials_rejected');
      expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(1);
    },
  );

  test('sends a wrong password at most three times when the table does not take the rejection', timeout, async () => {
    const cluster = await startCluster({ environments, password: wrong });
    cluster.table.trouble = (_, __, update) => (/ADD .*#marks/.test(update) ? 'throttled' : undefined);
    const answers = await tally(cluster, perSecond, dayMs);

    expect(mostSends(cluster)).toBeLessThanOrEqual(3);
    expect(cluster.observed('mark_unwritten')).toBeGreaterThan(0);
    expect(Object.keys(answers)).toContain('credentials_rejected');
    expect(cluster.table.rows.get(account)).not.toHaveProperty('marks');
  });
});

describe('promise 77: mistyped passwords', () => {
  /** Sets five mistyped versions within a minute and verifies each, then the right one. */
  async function mistype({ secret, brokers, until, pass }: Cluster, mistyped = 5): Promise<void> {
    for (let version = 1; version <= mistyped + 1; version++) {
      const password = version > mistyped ? goodPassword : `mistyped-${version}`;
      secret.current = () => ({ versionId: `m${version}`, password });
      await until(Promise.resolve(brokers[0]?.verify(account, () => 25_000)).catch(() => undefined));
      await pass(10_000);
    }
  }

  test.each([
    ['had never logged in', false],
    ['had logged in before', true],
  ])('serves the right version within 65 minutes of five mistyped ones when the account %s', async (_, hasWorked) => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 301 });
    await (hasWorked && cluster.askAll());
    await cluster.pass(301_000);
    const since = cluster.clock.now();
    await mistype(cluster);
    const answers = await tally(cluster, 0.1, 65 * minuteMs);
    const refused = cluster.fegora.logins().filter(({ outcome }) => outcome === 'refused');

    expect(
      mostWithin(
        refused.map(({ at }) => at),
        hourMs,
      ),
    ).toBeLessThanOrEqual(3);
    expect(Object.keys(answers).sort()).toEqual(['served', 'too_many_refusals']);
    expect(sentAt(cluster).filter((at) => at >= since + hourMs).length).toBeGreaterThan(0);
    expect((await cluster.askAll()).every(({ grant }) => grant?.token.versionId === 'm6')).toBe(true);
  });

  test.each([
    ['had never logged in', false],
    ['had logged in before', true],
  ])(
    'serves the right version without an operator when Fegora had locked the user and the account %s',
    async (_, hasWorked) => {
      const cluster = await startCluster({ environments: 5, lifetimeSeconds: 301 });
      cluster.fegora.set({ lockoutFailures: 2, lockoutMinutes: 30 });
      await (hasWorked && cluster.askAll());
      await cluster.pass(301_000);
      await mistype(cluster, 2);
      expect(cluster.fegora.counters()).toMatchObject({ refusals: 3 });
      expect(cluster.fegora.counters().users[username]?.locked).toBe(true);
      const answers = await tally(cluster, 0.1, 65 * minuteMs);

      expect(Object.keys(answers).sort()).toContain('served');
      expect((await cluster.askAll()).every(({ grant }) => grant?.token.versionId === 'm3')).toBe(true);
      expect(cluster.fegora.counters()).toMatchObject({ refusals: 3 });
    },
  );
});
