// Tests refusals that come late, and logins that were cut while Fegora worked on them. Virtual time.
import { describe, expect, test } from 'vitest';
import { refusedAt, setVersion } from '../../../support/cluster/operators.ts';
import { mostWithin, sentAt, tally } from '../../../support/cluster/tally.ts';
import { type Cluster, startCluster, username } from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The longest that Fegora may work on a login that was cut: from its claim to the next login. Milliseconds. */
const workedOnMs = 28_000;

/** Verifies mistyped versions. */
async function mistype(cluster: Cluster, versions: number): Promise<void> {
  for (let version = 1; version <= versions; version++) {
    const end = await setVersion(cluster, { versionId: `m${version}`, password: `mistyped-${version}` });
    expect(end).toBe('credentials_rejected');
  }
}

/** Starts with a token that is in its renewal window. */
async function startInWindow(): Promise<Cluster> {
  const cluster = await startCluster({ environments: 2 });
  cluster.fegora.set({ lockoutFailures: 50 });
  await cluster.until(cluster.ask(0));
  await cluster.pass(1_801_000 - 8 * minuteMs);
  return cluster;
}

describe('promise 71: calls that have too little time left to hear a late refusal', () => {
  /** Asks in turn, each time with so little time left that a login cannot listen for 9 s. */
  async function askInHaste(cluster: Cluster, forMs: number): Promise<void> {
    for (let asked = 0; asked * 2000 < forMs; asked++) {
      await cluster.until(cluster.ask(asked % 3, {}, 10_600));
      await cluster.pass(2000);
    }
  }

  test('send a wrong password three times', async () => {
    const cluster = await startCluster({ environments: 3, password: 'wrong' });
    cluster.fegora.set({ delayMs: 9000, lockoutFailures: 100 });
    await askInHaste(cluster, hourMs);

    expect(sentAt(cluster)).toHaveLength(3);
  });

  test('do not take away a password that logged in last', async () => {
    const cluster = await startCluster({ environments: 3 });
    await cluster.until(cluster.ask(0));
    await cluster.pass(1_801_000);
    cluster.fegora.set({ delayMs: 9000 });
    await askInHaste(cluster, 5 * minuteMs);
    cluster.fegora.set({ delayMs: 0 });
    await cluster.pass(20 * minuteMs);

    expect((await cluster.until(cluster.ask(0)))[0]?.error).toBeUndefined();
  });
});

describe('promise 77: a third password that is refused late', () => {
  test('is heard by a renewal ahead of need when Fegora answers after 3 s', async () => {
    const cluster = await startInWindow();
    cluster.fegora.set({ delayMs: 3000 });
    await mistype(cluster, 2);
    cluster.secret.current = () => ({ versionId: 'm3', password: 'mistyped-3' });
    await tally(cluster, 1, 10 * minuteMs);

    expect(refusedAt(cluster, username)).toHaveLength(3);
    expect(cluster.fegora.logins().filter(({ hungUp }) => hungUp)).toEqual([]);
  });

  test.each([3, 9, 20])('is heard when Fegora answered at once before and answers after %i s now', async (seconds) => {
    const cluster = await startInWindow();
    await mistype(cluster, 2);
    cluster.fegora.set({ delayMs: seconds * 1000 });
    cluster.secret.current = () => ({ versionId: 'm3', password: 'mistyped-3' });
    await tally(cluster, 1, 20 * minuteMs);

    expect(refusedAt(cluster, username)).toHaveLength(3);
    expect(cluster.fegora.logins().filter(({ hungUp }) => hungUp)).toEqual([]);
  });

  const cases = [0, 1, 2].flatMap((earlier) => [0, 1, 2, 3, 4, 5].map((silent) => [earlier, silent] as const));

  test.each(cases)(
    'is refused at most three times an hour after %i other refusals and %i logins without an answer',
    async (earlier, silent) => {
      const cluster = await startCluster({ environments: 3 });
      cluster.fegora.set({ lockoutFailures: 50 });
      await mistype(cluster, earlier);
      cluster.secret.current = () => ({ versionId: 'w', password: 'mistyped-w' });
      cluster.fegora.set({ delayMs: 9000 });
      if (silent > 0) {
        cluster.fegora.addFault({ kind: 'hang', times: silent });
      }
      await tally(cluster, 1, hourMs);

      expect(refusedAt(cluster, username).length).toBeGreaterThan(earlier);
      expect(mostWithin(refusedAt(cluster, username), hourMs)).toBeLessThanOrEqual(3);
    },
  );
});

describe('promise 71: a renewal that was cut while Fegora works on it', () => {
  /** Asks once, 12 s before the token is not served any more, and then each second. Returns how the calls ended. */
  async function renewLate(cluster: Cluster, seconds: number): Promise<Record<string, number>> {
    await cluster.until(cluster.ask(0));
    cluster.fegora.set({ delayMs: seconds * 1000 });
    await cluster.pass(1_800_000 - minuteMs - 12_000);
    await cluster.until(cluster.ask(0));
    return await tally(cluster, 1, minuteMs);
  }

  test.each([17, 19, 20])('does not overlap with the next login when Fegora takes %i s', async (seconds) => {
    const cluster = await startCluster({ environments: 2 });
    await renewLate(cluster, seconds);

    expect(cluster.fegora.logins()[1]?.hungUp).toBe(true);
    expect(cluster.fegora.counters().users[username]).toMatchObject({ overlapsInside: 0, bricked: false });
  });

  test('is followed by no login for 28 s, and then by one that listens for 20 s', async () => {
    const cluster = await startCluster({ environments: 1 });
    const answers = await renewLate(cluster, 20);
    const [, cut = 0, next = 0] = sentAt(cluster);
    const logins = cluster.fegora.logins();

    expect(next - cut).toBeGreaterThanOrEqual(workedOnMs);
    expect(logins.map(({ hungUp }) => hungUp)).toEqual([false, true, false]);
    expect(answers.served).toBeGreaterThan(0);
  });

  test('does not overlap with a login that a reported token forces', async () => {
    const cluster = await startCluster({ environments: 2 });
    const [first] = await cluster.until(cluster.ask(0));
    cluster.fegora.set({ delayMs: 20_000 });
    await cluster.pass(1_800_000 - 9 * minuteMs);
    await cluster.until(cluster.ask(0));
    const rejected = String(first?.grant?.token.fingerprint);
    for (const pauseMs of [16_000, 4000, 4000, 5000]) {
      await cluster.pass(pauseMs);
      await cluster.until(cluster.ask(1, { rejected, caller: 'x' }));
    }
    const [, cut = 0, forced = 0] = sentAt(cluster);

    expect(forced - cut).toBeGreaterThanOrEqual(workedOnMs);
    expect(cluster.fegora.counters().users[username]).toMatchObject({ overlapsInside: 0, bricked: false });
  });
});
