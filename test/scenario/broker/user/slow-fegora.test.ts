// Tests answers that come late or ask for fewer logins, and handshakes that are slow. Virtual time.
import { describe, expect, test } from 'vitest';
import { mostWithin, sentAt, tally } from '../../../support/cluster/tally.ts';
import { account, type Cluster, startCluster, username } from '../../../support/cluster.ts';
import { full } from '../../../support/counts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const environments = 20;
const perSecond = full(10, 1);
const timeout = { timeout: full(10, 1) * minuteMs };

/** Calls until a call is served. Returns how long that took. Milliseconds. */
async function servedAfterMs({ clock, brokers, ask, until, pass }: Cluster, withinMs: number): Promise<number> {
  const from = clock.monotonic();
  for (let called = 0; clock.monotonic() - from <= withinMs; called++) {
    const [answer] = await until(ask(called % brokers.length));
    if (answer?.grant !== undefined) {
      break;
    }
    await pass(1000);
  }
  return clock.monotonic() - from;
}

describe('promise 72: an hour in which Fegora gives no token', () => {
  test.each([
    ['429 without Retry-After', { status: 429 }, 12, 15 * minuteMs],
    ['503', { status: 503 }, 75, minuteMs],
    ['500 without a page', { status: 500, headers: { 'Content-Type': 'text/plain' } }, 75, minuteMs],
    ['HTML 500', { status: 500 }, 75, minuteMs],
  ])('sends few logins and recovers soon after an hour of %s', timeout, async (_, answer, mostSent, recoveryMs) => {
    const cluster = await startCluster({ environments });
    cluster.fegora.addFault({ kind: 'answer', ...answer, times: null });
    await tally(cluster, perSecond, hourMs);
    expect(mostWithin(sentAt(cluster), hourMs)).toBeLessThanOrEqual(mostSent);

    cluster.fegora.clearFaults();
    expect(await servedAfterMs(cluster, recoveryMs)).toBeLessThanOrEqual(recoveryMs + 1000);
  });
});

describe('promise 72: an hour in which Fegora does not answer', () => {
  test.each(['hang', 'reset', 'truncate'] as const)(
    'recovers within 31 minutes of an hour of %s',
    timeout,
    async (kind) => {
      const cluster = await startCluster({ environments });
      cluster.fegora.addFault({ kind, times: null });
      await tally(cluster, perSecond, hourMs);
      // Five probes at the end of each lease, then 34 s, 68 s and so on, up to 30 minutes.
      expect(sentAt(cluster).length).toBeLessThanOrEqual(12);

      cluster.fegora.clearFaults();
      expect(await servedAfterMs(cluster, 31 * minuteMs)).toBeLessThanOrEqual(31 * minuteMs);
    },
  );

  test('recovers within 10 s of an hour of refused connections', timeout, async () => {
    const cluster = await startCluster({ environments });
    cluster.route.isUnreachable = true;
    await tally(cluster, 1, hourMs);

    cluster.route.isUnreachable = false;
    expect(await servedAfterMs(cluster, 10_000)).toBeLessThanOrEqual(10_000);
  });
});

describe('promise 71: a good login that Fegora answers late', () => {
  test.each([9, 15, 17, 20])(
    'makes one login, which listens long, when the answer comes after %i s',
    async (seconds) => {
      const cluster = await startCluster({ environments });
      cluster.fegora.set({ delayMs: seconds * 1000 });
      const answers = await tally(cluster, 1, 15 * minuteMs);

      expect(cluster.fegora.counters()).toMatchObject({ attempts: 1, logins: 1, overlapsSeen: 0, overlapsInside: 0 });
      expect(cluster.fegora.counters().users[username]?.bricked).toBe(false);
      expect(Object.keys(answers)).toContain('served');
    },
  );

  test('does not brick a proven account when every answer comes after 20 s for a day of renewals', async () => {
    const cluster = await startCluster({ environments });
    await tally(cluster, 1, minuteMs);
    cluster.fegora.set({ delayMs: 20_000 });
    await tally(cluster, 1 / 30, 24 * 60 * minuteMs);

    expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0, overlapsInside: 0 });
    expect(cluster.fegora.counters().users[username]?.bricked).toBe(false);
  });
});

describe('promise 79: the handshake with Fegora', () => {
  test.each([2.2, 7.9])('logs in when the handshake takes %f s', async (seconds) => {
    const cluster = await startCluster({ environments: 3 });
    cluster.route.handshakeMs = seconds * 1000;
    const answers = await cluster.askAll();

    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, undefined]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  });

  test('takes no lease and backs off in all environments when the handshake hangs', async () => {
    const cluster = await startCluster({ environments: 3 });
    cluster.route.handshakeMs = 60_000;
    const [first] = await cluster.until(cluster.ask(0));
    const row = cluster.table.rows.get(account);
    const others = await cluster.askAll();

    expect(first).toMatchObject({ tookMs: 8000, error: { code: 'upstream_timeout' } });
    expect(others.map(({ tookMs, error }) => [tookMs, error?.code])).toEqual(others.map(() => [0, 'upstream_timeout']));
    expect(row).not.toHaveProperty('owner');
    expect(row).not.toHaveProperty('lease_until');
    expect(cluster.fegora.counters().attempts).toBe(0);
    cluster.route.handshakeMs = 0;
    expect(await servedAfterMs(cluster, 10_000)).toBeLessThanOrEqual(7000);
  });
});

test('promise 79: a handshake that hangs delays a caller with a token by 2 s, and then by 8 s once a minute', async () => {
  const cluster = await startCluster({ environments: 1 });
  await cluster.until(cluster.ask(0));
  await cluster.pass(1_800_000 - 5 * minuteMs);
  cluster.route.handshakeMs = minuteMs;
  const slow: { readonly askedAt: number; readonly tookMs: number }[] = [];
  for (let seconds = 0; seconds < 180; seconds++) {
    const [answer] = await cluster.until(cluster.ask(0));
    expect(answer?.error).toBeUndefined();
    slow.push(...(answer !== undefined && answer.tookMs > 0 ? [answer] : []));
    await cluster.pass(1000);
  }
  const gaps = slow.slice(1).map(({ askedAt }, index) => askedAt - (slow[index]?.askedAt ?? 0));

  expect(slow.map(({ tookMs }) => tookMs)).toEqual([2000, 8000, 8000]);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(minuteMs);
});

test('promise 79: a clock that is set during a handshake keeps no other environment from logging in', async () => {
  const cluster = await startCluster({ environments: 2 });
  cluster.route.handshakeMs = 60_000;
  const asked = cluster.ask(0);
  await cluster.pass(1000);
  cluster.shiftMs[0] = hourMs;
  await cluster.until(asked);
  cluster.route.handshakeMs = 0;
  await cluster.pass(7000);
  const [answer] = await cluster.until(cluster.ask(1));

  expect(answer?.error?.code).toBeUndefined();
  expect(answer?.grant).toBeDefined();
});

test('promise 77: sends that were refused unheard count when a refusal is heard', async () => {
  const cluster = await startCluster({ environments: 2 });
  cluster.fegora.setPassword(username, 'not-a-real-password-of-tomorrow');
  cluster.fegora.addFault({ kind: 'hang', times: 2 });
  for (let pause = 0; cluster.fegora.counters().attempts < 3; pause++) {
    expect(pause).toBeLessThan(120);
    await cluster.until(cluster.ask(0));
    await cluster.pass(1000);
  }
  const [answer] = await cluster.until(cluster.ask(1));

  expect(answer?.error?.code).toBe('too_many_refusals');
});
