// Tests that no token is handed out that another user, other settings or an operator made invalid. Virtual time.
import { describe, expect, test } from 'vitest';
import type { Amendment } from '../../../../lambda/broker/ports.ts';
import { amend, otherPassword, otherUser, setVersion, whoami } from '../../../support/cluster/operators.ts';
import {
  type Answer,
  account,
  type Cluster,
  type EnvironmentSettings,
  goodPassword,
  startCluster,
} from '../../../support/cluster.ts';

const otherSecret = 'fegora/other';
const minuteMs = 60_000;

async function startTwoUsers(environments: number): Promise<Cluster> {
  const cluster = await startCluster({
    environments,
    secrets: { [otherSecret]: { versionId: 'o1', password: otherPassword, username: otherUser } },
  });
  cluster.fegora.setPassword(otherUser, otherPassword);
  return cluster;
}

function tokens(answers: readonly Answer[]): Set<string | undefined> {
  return new Set(answers.map(({ grant }) => grant?.token.accessToken));
}

describe('promise 75: settings that changed between two deployments over one table', () => {
  const changes: readonly (readonly [string, (cluster: Cluster) => Partial<EnvironmentSettings>])[] = [
    ['the secret', () => ({ accounts: { [account]: otherSecret } })],
    ['the token URL', ({ fegora }) => ({ tokenUrl: `${fegora.url}?moved` })],
    [
      'the client id',
      ({ fegora }) => {
        fegora.set({ clientId: 'anotherApp' });
        return { clientId: 'anotherApp' };
      },
    ],
  ];

  test.each(changes)('does not serve a token that was bought before %s changed', async (_, change) => {
    const cluster = await startTwoUsers(4);
    const old = tokens(await cluster.askAll());
    expect(old.size).toBe(1);
    await cluster.pass(2 * minuteMs);
    const changed = change(cluster);
    cluster.restart(2, changed);
    cluster.restart(3, changed);
    // As in a deployment: environments of both answer calls for some minutes.
    const answers: Answer[] = [];
    await cluster.load(4, 5 * minuteMs, (answer) => answers.push(answer));
    const byNew = answers.filter(({ environment, grant }) => environment >= 2 && grant);
    const byOld = answers.filter(({ environment, grant }) => environment < 2 && grant);

    expect(byNew.length).toBeGreaterThan(0);
    expect([...tokens(byNew)].filter((token) => old.has(token))).toEqual([]);
    expect([...tokens(byOld)].filter((token) => tokens(byNew).has(token))).toEqual([]);
    expect(cluster.fegora.counters().overlapsSeen).toBe(0);
  });

  test('serves the token of the user that the secret names when secret and user changed and the version had worked', async () => {
    const cluster = await startTwoUsers(1);
    await cluster.askAll();
    await cluster.pass(2 * minuteMs);
    cluster.restart(0, { accounts: { [account]: otherSecret } });
    const [answer] = await cluster.askAll();

    const name = await whoami(cluster, answer?.grant?.token.accessToken);
    expect(name).toBe(otherUser);
  });
});

/** Calls ten environments each second for five minutes. Returns the seconds until the last one handed out an old token. */
async function secondsOfOldToken(cluster: Cluster, act: () => Promise<unknown>): Promise<number> {
  const old = tokens(await cluster.askAll());
  await cluster.pass(2 * minuteMs);
  await cluster.askAll();
  await cluster.pass(500);
  const from = cluster.clock.now();
  await act();
  let last = from;
  await cluster.load(10, 5 * minuteMs, ({ grant, answeredAt }) => {
    if (grant !== undefined && old.has(grant.token.accessToken)) {
      last = answeredAt;
    }
  });
  return (last - from) / 1000;
}

describe('promise 76: a token that must not be handed out any more, with ten environments in use', () => {
  test.each(['pause', 'purge', 'revoke'] satisfies Amendment[])(
    'hands out the old token for at most 60 s after %s',
    async (amendment) => {
      const cluster = await startCluster({ environments: 10 });
      const seconds = await secondsOfOldToken(cluster, () => amend(cluster, amendment));

      expect(seconds).toBeGreaterThan(1);
      expect(seconds).toBeLessThanOrEqual(60);
      const answers = await cluster.askAll();
      expect(new Set(answers.map(({ error }) => error?.code ?? 'served'))).toEqual(
        new Set([amendment === 'pause' ? 'paused' : 'served']),
      );
    },
  );

  test.each(['purge', 'revoke'] satisfies Amendment[])(
    'hands out the old token for at most 60 s after %s when Fegora gives no other one',
    async (amendment) => {
      const cluster = await startCluster({ environments: 10 });
      const seconds = await secondsOfOldToken(cluster, () => {
        cluster.fegora.addFault({ kind: 'answer', status: 503, times: null });
        return amend(cluster, amendment);
      });

      expect(seconds).toBeGreaterThan(1);
      expect(seconds).toBeLessThanOrEqual(60);
      const answers = await cluster.askAll();
      expect(new Set(answers.map(({ error }) => error?.code))).toEqual(new Set(['upstream_unavailable']));
    },
  );

  test('hands out the token of the old user for at most 60 s after a version of another user was verified', async () => {
    const cluster = await startTwoUsers(10);
    const seconds = await secondsOfOldToken(cluster, () =>
      setVersion(cluster, { versionId: 'v2', password: otherPassword, username: otherUser }),
    );

    expect(seconds).toBeGreaterThan(1);
    expect(seconds).toBeLessThanOrEqual(60);
    const answers = await cluster.askAll();
    expect(tokens(answers).size).toBe(1);
    expect(await whoami(cluster, answers[0]?.grant?.token.accessToken)).toBe(otherUser);
  });

  test('hands out no old token after a version of another user of the same password was verified', async () => {
    const cluster = await startTwoUsers(3);
    cluster.fegora.setPassword(otherUser, goodPassword);
    const seconds = await secondsOfOldToken(cluster, () =>
      setVersion(cluster, { versionId: 'v2', password: goodPassword, username: otherUser }),
    );

    expect(seconds).toBeLessThanOrEqual(60);
  });
});
