// Tests holders that die after sending, and callers that report every token. Virtual time.
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../../local/fegora/faults.ts';
import { mostSends, mostWithin, sentAt, tally } from '../../../support/cluster/tally.ts';
import { type Answer, type Cluster, startCluster } from '../../../support/cluster.ts';
import { full } from '../../../support/counts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const environments = 20;
const timeout = { timeout: full(5, 1) * minuteMs };

/** Lets claims through and fails every later write of a holder. */
function takeOnlyClaims({ table }: Cluster): void {
  table.trouble = (operation, _, update) =>
    operation === 'UpdateItem' && !update.includes('#owner = :owner') ? 'throttled' : undefined;
}

/** Cuts each environment off the table, for good, once it has claimed: it is dead for all others. */
function dieAfterClaim({ table }: Cluster): void {
  const dead = new Set<number>();
  table.trouble = (_, environment, update) => {
    if (dead.has(environment)) {
      return 'down';
    }
    if (update.includes('#owner = :owner')) {
      dead.add(environment);
    }
    return undefined;
  };
}

describe('promise 73: the next holder knows what was sent', () => {
  const ways: readonly (readonly [string, (cluster: Cluster) => void, Fault | undefined])[] = [
    ['cannot write anything after it', takeOnlyClaims, undefined],
    ['dies after it', dieAfterClaim, undefined],
    ['dies before the answer', dieAfterClaim, { kind: 'hang', afterLogin: true, times: null }],
  ];

  test.each(ways)(
    'sends a wrong password at most three times a day when each holder %s',
    timeout,
    async (_, harm, fault) => {
      const cluster = await startCluster({ environments, password: 'not-the-right-one' });
      harm(cluster);
      if (fault !== undefined) {
        cluster.fegora.addFault(fault);
      }
      await tally(cluster, full(0.2, 0.02), 24 * hourMs);

      expect(cluster.fegora.counters().attempts).toBeGreaterThan(0);
      expect(mostSends(cluster)).toBeLessThanOrEqual(3);
      expect(cluster.fegora.counters().overlapsSeen).toBe(0);
    },
  );

  // It is unknown what Fegora thought of the password, and an outage must not use up the three sends.
  test('sends a wrong password at most sixty times a day when every answer is lost', timeout, async () => {
    const cluster = await startCluster({ environments, password: 'not-the-right-one' });
    cluster.fegora.addFault({ kind: 'reset', afterLogin: true, times: null });
    await tally(cluster, full(0.2, 0.02), 24 * hourMs);

    expect(mostSends(cluster)).toBeLessThanOrEqual(60);
    expect(cluster.fegora.counters().overlapsSeen).toBe(0);
  });
});

describe('promise 73: a proven password that was claimed for three times and never sent', () => {
  /** Calls once a minute in an environment that is alive. Returns after how many minutes a call is served. */
  async function servedAfterMinutes(cluster: Cluster, environment: number): Promise<number> {
    for (let minutes = 0; minutes < 25 * 60; minutes++) {
      const [answer] = await cluster.until(cluster.ask(environment));
      if (answer?.grant !== undefined) {
        return minutes;
      }
      await cluster.pass(minuteMs);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Starts with a token that has ended. */
  async function startExpired(size: number): Promise<Cluster> {
    const cluster = await startCluster({ environments: size });
    await cluster.until(cluster.ask(0));
    await cluster.pass(1_801_000);
    return cluster;
  }

  test('is sent once the hour is over when three holders died after the claim', async () => {
    const cluster = await startExpired(8);
    const dead = new Set<number>();
    cluster.table.trouble = (_, environment, update) => {
      if (dead.has(environment)) {
        return 'down';
      }
      if (!update.includes('#owner = :owner') || dead.size === 3) {
        return undefined;
      }
      dead.add(environment);
      return 'lost';
    };
    for (let calls = 0; dead.size < 3; calls++) {
      expect(calls).toBeLessThan(200);
      await cluster.until(cluster.ask(calls % 7));
    }

    expect(sentAt(cluster)).toHaveLength(1);
    expect(await servedAfterMinutes(cluster, 7)).toBeLessThanOrEqual(62);
  });

  test('is sent once the hour is over when the answers to the claims were lost', async () => {
    const cluster = await startExpired(2);
    const claimed = new Set<number>();
    cluster.table.trouble = (_, environment, update) => {
      if (update.includes('#owner = :owner')) {
        claimed.add(environment);
        return 'lost';
      }
      return claimed.delete(environment) ? 'down' : undefined;
    };
    await tally(cluster, 1, minuteMs);
    cluster.table.trouble = () => undefined;

    expect(sentAt(cluster)).toHaveLength(1);
    expect(await servedAfterMinutes(cluster, 0)).toBeLessThanOrEqual(62);
  });
});

describe('promise 78: callers that report the current token as rejected every 10 s', () => {
  const perHour = 12;

  /** Reports every token of each abuser for `forMs` while others call. Returns the answers to the others. */
  async function abuse(cluster: Cluster, abusers: number, forMs: number): Promise<Answer[]> {
    const others: Answer[] = [];
    const held = Array.from({ length: abusers }, () => '');
    for (let ms = 0; ms < forMs; ms += 10_000) {
      for (const [abuser, rejected] of held.entries()) {
        const request = rejected === '' ? {} : { rejected };
        const [answer] = await cluster.until(cluster.ask(abuser, { ...request, caller: `abuser-${abuser}` }));
        held[abuser] = answer?.grant?.token.fingerprint ?? rejected;
      }
      others.push(...(await cluster.until(cluster.ask(abusers), cluster.ask(abusers + 1))));
      await cluster.pass(10_000);
    }
    return others;
  }

  test.each([
    [1, perHour],
    // Over the budget, there is one login in 15 minutes.
    [3, perHour + 3],
  ])(
    'stays within the budget for 6 hours and costs the others no token with %i of them',
    timeout,
    async (abusers, most) => {
      const cluster = await startCluster({ environments: abusers + 2 });
      const others = await abuse(cluster, abusers, 6 * hourMs);

      expect(mostWithin(sentAt(cluster), hourMs)).toBeLessThanOrEqual(most);
      expect(others.filter(({ error }) => error)).toEqual([]);
      expect(cluster.fegora.counters().overlapsInside).toBe(0);
    },
  );
});
