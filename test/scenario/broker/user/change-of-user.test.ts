// Tests an account whose secret gets another Fegora user: whose token is served, and what is remembered. Virtual time.
import { describe, expect, test } from 'vitest';
import type { Amendment } from '../../../../lambda/broker/ports.ts';
import { amend, otherPassword, otherUser, refusedAt, setVersion, whoami } from '../../../support/cluster/operators.ts';
import { mostSends } from '../../../support/cluster/tally.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const otherVersion = { versionId: 'v2', password: otherPassword, username: otherUser };

async function startTwoUsers(environments: number, lifetimeSeconds = 1801): Promise<Cluster> {
  const cluster = await startCluster({ environments, lifetimeSeconds });
  cluster.fegora.setPassword(otherUser, otherPassword);
  return cluster;
}

/** Environment 1 logs in, so that it has the version in memory. A minute later a version of another user is verified. */
async function moveToOtherUser(cluster: Cluster): Promise<void> {
  await cluster.until(cluster.ask(1));
  await cluster.askAll();
  await cluster.pass(61_000);
  expect(await setVersion(cluster, otherVersion)).toBe('renewed');
}

/** The users of the logins from this one on. */
function usersFrom({ fegora }: Cluster, first: number): Set<string | undefined> {
  return new Set(
    fegora
      .logins()
      .slice(first)
      .map((login) => login.username),
  );
}

/** The users whose tokens the environments hand out. */
async function servedUsers(cluster: Cluster): Promise<Set<unknown>> {
  const answers = await cluster.askAll();
  return new Set(await Promise.all(answers.map(({ grant }) => whoami(cluster, grant?.token.accessToken))));
}

describe('promise 75: an environment that has the version of the earlier user in memory', () => {
  test.each(['purge', 'revoke'] satisfies Amendment[])(
    'logs in as the new user when an operator does %s',
    async (amendment) => {
      const cluster = await startTwoUsers(3, 86_401);
      await moveToOtherUser(cluster);
      await cluster.pass(30_000);
      await amend(cluster, amendment);
      await cluster.pass(1000);
      await cluster.until(cluster.ask(1));
      await cluster.pass(61_000);

      expect(usersFrom(cluster, 1)).toEqual(new Set([otherUser]));
      expect(await servedUsers(cluster)).toEqual(new Set([otherUser]));
      expect(cluster.fegora.counters().logins).toBe(3);
    },
  );

  test('logs in as the new user when a caller reports the token', async () => {
    const cluster = await startTwoUsers(3);
    await moveToOtherUser(cluster);
    await cluster.pass(90_000);
    const [, held] = await cluster.askAll();
    const rejected = String(held?.grant?.token.fingerprint);
    const [answer] = await cluster.until(cluster.ask(1, { rejected, caller: 'x' }));

    expect(answer?.grant?.source).toBe('upstream');
    expect(await whoami(cluster, answer?.grant?.token.accessToken)).toBe(otherUser);
    expect(usersFrom(cluster, 1)).toEqual(new Set([otherUser]));
  });

  test('renews as the new user when tokens live for 301 s and no caller reports one', async () => {
    const cluster = await startTwoUsers(2, 301);
    await moveToOtherUser(cluster);
    for (let calls = 0; calls < 20 * 6; calls++) {
      await cluster.until(cluster.ask(1));
      await cluster.pass(10_000);
    }

    expect(cluster.fegora.counters().logins).toBeGreaterThan(5);
    expect(usersFrom(cluster, 1)).toEqual(new Set([otherUser]));
    expect(await servedUsers(cluster)).toEqual(new Set([otherUser]));
  });
});

describe('promise 75: a version of another user that does not log in', () => {
  test('takes no token away and raises no generation when its user name is mistyped', async () => {
    const cluster = await startTwoUsers(3, 86_401);
    await cluster.askAll();
    await cluster.pass(2 * minuteMs);
    const mistyped = { versionId: 'v2', password: goodPassword, username: '2536542l' };
    expect(await setVersion(cluster, mistyped)).toBe('credentials_rejected');
    await cluster.pass(61_000);

    expect(await servedUsers(cluster)).toEqual(new Set([username]));
    expect(cluster.fegora.counters().logins).toBe(1);
    expect(cluster.table.rows.get(account)).not.toHaveProperty('generation');
  });

  test('takes the token away only when a login as that user succeeds after Fegora was down', async () => {
    const cluster = await startTwoUsers(3, 86_401);
    await cluster.askAll();
    await cluster.pass(2 * minuteMs);
    cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
    expect(await setVersion(cluster, otherVersion)).toBe('upstream_unavailable');
    await cluster.pass(61_000);
    expect(await servedUsers(cluster)).toEqual(new Set([username]));
    expect(cluster.table.rows.get(account)).not.toHaveProperty('generation');

    cluster.fegora.clearFaults();
    expect(await setVersion(cluster, otherVersion)).toBe('renewed');
    expect(cluster.table.rows.get(account)?.generation).toEqual({ N: '1' });
    await cluster.pass(51_000);
    expect(await servedUsers(cluster)).toEqual(new Set([otherUser]));
  });
});

describe('a secret that changes between two users and back', () => {
  test('promise 77: does not forget that passwords of the first user were refused', async () => {
    const cluster = await startTwoUsers(2);
    cluster.fegora.set({ lockoutFailures: 50 });
    for (let round = 0; round < 3; round++) {
      for (const version of [`m${round}1`, `m${round}2`]) {
        await setVersion(cluster, { versionId: version, password: `mistyped-${version}` });
        await cluster.pass(10_000);
      }
      await setVersion(cluster, { versionId: `o${round}`, password: `mistyped-o${round}`, username: otherUser });
      await cluster.pass(70_000);
    }

    expect(refusedAt(cluster, username).length).toBeGreaterThan(0);
    expect(refusedAt(cluster, username).length).toBeLessThanOrEqual(3);
  });

  test('promise 71: sends each version at most three times in 24 hours when every answer is a 403', async () => {
    const cluster = await startTwoUsers(2);
    cluster.fegora.addFault({ kind: 'answer', status: 403, times: null });
    for (let minutes = 0; minutes < 24 * 60; minutes += 10) {
      await setVersion(cluster, { versionId: 'v1', password: goodPassword });
      await cluster.pass(5 * minuteMs);
      await setVersion(cluster, otherVersion);
      await cluster.pass(5 * minuteMs);
    }

    expect(mostSends(cluster)).toBeLessThanOrEqual(3);
  });

  test('promise 77: does not forget that a version had worked when one of another user is refused', async () => {
    const cluster = await startTwoUsers(2);
    await cluster.askAll();
    await cluster.pass(61_000);
    await setVersion(cluster, { ...otherVersion, password: 'mistyped' });
    await cluster.pass(61 * minuteMs);
    // A person locks the user at the portal for some minutes.
    const body = JSON.stringify({ error: 'invalid_grant' });
    cluster.fegora.addFault({ kind: 'answer', status: 400, body });
    const ends = [await setVersion(cluster, { ...otherVersion, versionId: 'v3' })];
    await cluster.pass(61 * minuteMs);
    const [answer] = await cluster.until(cluster.ask(1));

    expect(ends).toEqual(['credentials_rejected']);
    expect(await whoami(cluster, answer?.grant?.token.accessToken)).toBe(otherUser);
  });

  test('promise 78: does not forget the logins of the hour', async () => {
    const cluster = await startTwoUsers(2);
    for (let minutes = 0; minutes < 60; minutes += 2) {
      await setVersion(cluster, { versionId: 'v1', password: goodPassword });
      await cluster.pass(minuteMs);
      await setVersion(cluster, otherVersion);
      await cluster.pass(minuteMs);
    }

    // 12 an hour, and one in 15 minutes after that.
    expect(cluster.fegora.logins().filter(({ at }) => at >= cluster.clock.now() - hourMs).length).toBeLessThanOrEqual(
      15,
    );
  });
});
