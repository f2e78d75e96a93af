// Tests a Fegora user that passes to another account because its own account moved on, and secrets that were swapped. Virtual time.
import { describe, expect, test } from 'vitest';
import { otherPassword, otherUser, refusedAt, setVersion, verify, whoami } from '../../../support/cluster/operators.ts';
import { mostWithin } from '../../../support/cluster/tally.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const second = 'second';
const secondSecret = 'fegora/second';

/** Starts with `main` as the first user. The secret of `second` names the user that is given. */
async function startTwoAccounts(ofSecond: { readonly username: string; readonly password: string }): Promise<Cluster> {
  const cluster = await startCluster({
    environments: 2,
    accounts: { [second]: secondSecret },
    secrets: { [secondSecret]: { versionId: 's1', ...ofSecond } },
  });
  cluster.fegora.set({ lockoutFailures: 50 });
  cluster.fegora.setPassword(otherUser, otherPassword);
  await cluster.until(cluster.ask(0));
  await cluster.pass(61_000);
  return cluster;
}

/** Moves `main` to the other user, so that its first user is free. */
async function moveOn(cluster: Cluster): Promise<void> {
  const end = await setVersion(cluster, { versionId: 'v2', password: otherPassword, username: otherUser });
  expect(end).toBe('renewed');
}

describe('promise 74: an account that moved to another user before its first user went to a second account', () => {
  const first = { username, password: goodPassword };

  test('is not kept from logging in', async () => {
    const cluster = await startTwoAccounts(first);
    await moveOn(cluster);
    await cluster.pass(1_800_000 - minuteMs - 5000);
    const [taken] = await cluster.until(cluster.ask(1, { account: second }));
    expect(taken?.grant?.source).toBe('upstream');
    await cluster.pass(10_000);
    const ends: unknown[] = [];
    for (let calls = 0; calls < 13; calls++) {
      const [answer] = await cluster.until(cluster.ask(0));
      ends.push(answer?.error?.code ?? 'served');
      await cluster.pass(10_000);
    }

    expect(new Set(ends)).toEqual(new Set(['served']));
    expect(cluster.table.rows.get(account)).not.toHaveProperty('retry_code');
  });

  test('promise 77: remembers the refusals of its own user', async () => {
    const cluster = await startTwoAccounts(first);
    await moveOn(cluster);
    await cluster.pass(61_000);
    const mistype = (version: number) =>
      setVersion(cluster, { versionId: `m${version}`, password: `mistyped-${version}`, username: otherUser });
    const ends = [await mistype(1), await mistype(2)];
    const [taken] = await cluster.until(cluster.ask(1, { account: second }));
    expect(taken?.grant).toBeDefined();
    await cluster.pass(125_000);
    for (const version of [3, 4, 5]) {
      ends.push(await mistype(version));
      await cluster.pass(10_000);
    }

    expect(ends.slice(0, 2)).toEqual(['credentials_rejected', 'credentials_rejected']);
    expect(ends.slice(-2)).toEqual(['too_many_refusals', 'too_many_refusals']);
    expect(mostWithin(refusedAt(cluster, otherUser), hourMs)).toBeLessThanOrEqual(3);
  });

  test('is fenced: a claim for its first user that began before fails', async () => {
    const cluster = await startTwoAccounts(first);
    await moveOn(cluster);
    const revision = Number(cluster.table.rows.get(account)?.revision?.N);
    await cluster.until(cluster.ask(1, { account: second }));

    expect(Number(cluster.table.rows.get(account)?.revision?.N)).toBe(revision + 1);
    expect(cluster.fegora.counters().users[username]).toMatchObject({ maxInFlight: 1, bricked: false });
  });
});

test('promise 77: an account that takes over a user, and comes back to its own, remembers the refusals of its own', async () => {
  const cluster = await startTwoAccounts({ username: otherUser, password: otherPassword });
  await cluster.until(cluster.ask(1, { account: second }));
  await cluster.pass(61_000);
  const mistype = (version: number) =>
    setVersion(cluster, { versionId: `m${version}`, password: `mistyped-${version}` });
  const ends = [await mistype(1), await mistype(2)];
  // The second account is not configured any more.
  cluster.restart(0, { accounts: { [account]: 'fegora/main' } });
  ends.push(await setVersion(cluster, { versionId: 'o1', password: otherPassword, username: otherUser }));
  await cluster.pass(61_000);
  ends.push(await mistype(3), await mistype(4), await mistype(5));

  expect(ends.slice(0, 3)).toEqual(['credentials_rejected', 'credentials_rejected', 'renewed']);
  expect(ends.at(-1)).toBe('too_many_refusals');
  expect(refusedAt(cluster, username)).toHaveLength(3);
});

describe('promise 74: two accounts whose secrets were swapped', () => {
  /** Swaps the users of the two secrets after both accounts logged in. */
  async function startSwapped(): Promise<Cluster> {
    const cluster = await startTwoAccounts({ username: otherUser, password: otherPassword });
    await cluster.until(cluster.ask(1, { account: second }));
    await cluster.pass(61_000);
    cluster.secret.current = () => ({ versionId: 'v2', password: otherPassword, username: otherUser });
    cluster.secretOf(secondSecret).current = () => ({ versionId: 's2', password: goodPassword, username });
    return cluster;
  }

  /** The user of the token that each account is served, or the code of its error. */
  async function served(cluster: Cluster): Promise<readonly unknown[]> {
    const answers = await cluster.until(cluster.ask(0), cluster.ask(1, { account: second }));
    return await Promise.all(
      answers.map(({ error, grant }) => error?.code ?? whoami(cluster, grant?.token.accessToken)),
    );
  }

  function expectNoOverlap({ fegora }: Cluster): void {
    for (const user of [username, otherUser]) {
      expect(fegora.counters().users[user]).toMatchObject({ maxInFlight: 1, overlapsInside: 0, bricked: false });
    }
  }

  test('are served tokens of their new users within 5 minutes when their tokens have ended', async () => {
    const cluster = await startSwapped();
    await cluster.pass(1_801_000);
    const from = cluster.clock.now();
    let users = await served(cluster);
    while (!(users[0] === otherUser && users[1] === username) && cluster.clock.now() - from < 5 * minuteMs) {
      await cluster.pass(10_000);
      users = await served(cluster);
    }

    expect(users).toEqual([otherUser, username]);
    expect(cluster.clock.now() - from).toBeLessThanOrEqual(5 * minuteMs);
    expectNoOverlap(cluster);
  });

  test('are never without a token while their tokens last, and are renewed as their new users', async () => {
    const cluster = await startSwapped();
    // Each user is still the other account's, until the first account has let go of its own.
    const verified = [await verify(cluster), await verify(cluster, { of: second }), await verify(cluster)];
    expect(verified).toEqual(['duplicate_user', 'renewed', 'duplicate_user']);
    const seen: (readonly unknown[])[] = [];
    for (let calls = 0; calls < 35 * 6; calls++) {
      seen.push(await served(cluster));
      await cluster.pass(10_000);
    }

    expect(new Set(seen.flat())).toEqual(new Set([username, otherUser]));
    expect(seen.at(-1)).toEqual([otherUser, username]);
    expectNoOverlap(cluster);
  });
});
