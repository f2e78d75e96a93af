// Tests that a Fegora user belongs to one account: duplicates, races, renames and rollbacks. Virtual time.
import { describe, expect, test } from 'vitest';
import { mostSends, tally } from '../../../support/cluster/tally.ts';
import {
  type Answer,
  account,
  type Cluster,
  type ClusterOptions,
  goodPassword,
  startCluster,
} from '../../../support/cluster.ts';

const user = 'Facturas@Empresa.gt';
const second = 'second';
const secondSecret = 'fegora/second';
const newName = 'renamed';
const mainSecret = 'fegora/main';

/** Starts a cluster whose accounts `main` and `second` have secrets of the same Fegora user. */
async function startTwins(environments: number, other = user, options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster({
    environments,
    accounts: { [second]: secondSecret },
    secrets: { [secondSecret]: { versionId: 's1', password: goodPassword, username: other } },
    ...options,
  });
  cluster.fegora.setPassword(user, goodPassword);
  cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword, username: user });
  return cluster;
}

/** What Fegora saw of the user. */
function seen({ fegora }: Cluster) {
  return fegora.counters().users[user.toLowerCase()];
}

/** Deploys a name of the account to some environments: other names are not configured there. */
function deploy(cluster: Cluster, environments: readonly number[], name: string): void {
  for (const environment of environments) {
    cluster.restart(environment, { accounts: { [name]: mainSecret } });
  }
}

/** Calls each environment once a second under the name that it has. Returns the answers by name. */
async function callAll(cluster: Cluster, names: readonly string[], forMs: number): Promise<Record<string, Answer[]>> {
  const answers: Promise<readonly [string, Answer]>[] = [];
  for (let ms = 0; ms < forMs; ms += 1000) {
    for (const [environment, name] of names.entries()) {
      answers.push(cluster.ask(environment, { account: name }).then((answer) => [name, answer] as const));
    }
    await cluster.pass(1000);
  }
  const all = await cluster.until(...answers);
  return Object.fromEntries(names.map((name) => [name, all.filter(([one]) => one === name).map(([, one]) => one)]));
}

function codes(answers: readonly Answer[] | undefined): Set<string> {
  return new Set(answers?.map(({ error }) => error?.code ?? 'served'));
}

describe('promise 74: two accounts with one Fegora user', () => {
  test.each([
    ['the same name', user],
    ['a name that differs in case', user.toUpperCase()],
  ])('answers duplicate_user for the second account and makes no login for it when it has %s', async (_, other) => {
    const cluster = await startTwins(2, other);
    await cluster.askAll();
    const answers = await callAll(cluster, [account, second], 3_600_000);

    expect(codes(answers[account])).toEqual(new Set(['served']));
    expect(codes(answers[second])).toEqual(new Set(['duplicate_user']));
    expect(seen(cluster)).toMatchObject({ overlapsInside: 0, overlapsSeen: 0, bricked: false });
    expect(cluster.table.rows.get(second)).toBeUndefined();
  });

  test('makes exactly one account the owner when both ask at the same time in ten environments', async () => {
    const cluster = await startTwins(10);
    cluster.fegora.set({ delayMs: 700 });
    const asked = cluster.brokers.map((_, environment) =>
      cluster.ask(environment, { account: environment % 2 === 0 ? account : second }),
    );
    const answers = await cluster.until(...asked);
    const served = answers.filter(({ grant }) => grant).map(({ environment }) => environment % 2);

    expect(codes(answers)).toEqual(new Set(['served', 'duplicate_user']));
    expect(served).toHaveLength(5);
    expect(new Set(served).size).toBe(1);
    expect(seen(cluster)).toMatchObject({ attempts: 1, maxOverlapInside: 1, bricked: false });
  });
});

describe('promise 74: an account that is renamed during a deployment', () => {
  const names = [account, account, newName, newName];

  test.each([
    ['at once', 0],
    ['after 5 s', 5000],
  ])(
    'never has two logins in flight when old and new names are called for minutes and Fegora answers %s',
    async (_, delayMs) => {
      const cluster = await startTwins(4, user, { lifetimeSeconds: 41 });
      cluster.fegora.set({ delayMs });
      deploy(cluster, [0, 1], account);
      deploy(cluster, [2, 3], newName);
      const answers = await callAll(cluster, names, 600_000);

      expect(seen(cluster)).toMatchObject({ maxOverlapInside: 1, maxInFlight: 1, bricked: false });
      expect([...codes(answers[account]), ...codes(answers[newName])]).toContain('served');
    },
  );

  test('serves the new name within 20 s of the lease of the old one, and the old name within 2 minutes after a rollback', async () => {
    const cluster = await startTwins(4);
    deploy(cluster, [0, 1, 2, 3], account);
    cluster.fegora.addFault({ kind: 'hang' });
    const dying = cluster.ask(0);
    await cluster.pass(1000);
    const leaseUntil = Number(cluster.table.rows.get(account)?.lease_until?.N);
    deploy(cluster, [2, 3], newName);
    const served = await firstServed(cluster, 2, newName);
    await dying;
    expect(served - leaseUntil).toBeGreaterThan(0);
    expect(served - leaseUntil).toBeLessThanOrEqual(20_000);
    expect(seen(cluster)).toMatchObject({ attempts: 2, maxInFlight: 1 });

    await cluster.pass(61_000);
    deploy(cluster, [2, 3], account);
    const from = cluster.clock.now();
    // The old name rests for 2 minutes after it lost its user.
    expect((await firstServed(cluster, 3, account)) - from).toBeLessThanOrEqual(61_000);
    expect(seen(cluster)).toMatchObject({ maxInFlight: 1, logins: 2 });
  });

  /** Calls once a second until a call is served, for up to 10 minutes. Returns when that was. Epoch milliseconds. */
  async function firstServed(cluster: Cluster, environment: number, name: string): Promise<number> {
    for (let calls = 0; calls < 600; calls++) {
      const [answer] = await cluster.until(cluster.ask(environment, { account: name }));
      if (answer?.grant !== undefined) {
        return answer.answeredAt;
      }
      await cluster.pass(1000);
    }
    return Number.POSITIVE_INFINITY;
  }

  test('takes refusals along, so that a refused password is not sent again under the new name', async () => {
    const cluster = await startTwins(4);
    cluster.secret.current = () => ({ versionId: 'v1', password: 'not-the-right-one', username: user });
    deploy(cluster, [0, 1], account);
    deploy(cluster, [2, 3], newName);
    await cluster.until(cluster.ask(0));
    const answers = await callAll(cluster, names, 600_000);

    expect(codes(answers[newName])).not.toContain('served');
    expect(seen(cluster)?.refusals).toBe(1);
    expect(mostSends(cluster)).toBe(1);
  });

  test('takes doubt along: three sends in all when every answer is a 403', async () => {
    const cluster = await startTwins(4);
    cluster.fegora.addFault({ kind: 'answer', status: 403, times: null });
    deploy(cluster, [0, 1], account);
    deploy(cluster, [2, 3], newName);
    await tally(cluster, 1, 70_000);
    await callAll(cluster, names, 3_600_000);

    expect(mostSends(cluster)).toBeLessThanOrEqual(3);
  });

  test('takes the login budget along', async () => {
    const cluster = await startTwins(2);
    deploy(cluster, [0], account);
    deploy(cluster, [1], newName);
    for (let login = 0; login < 6; login++) {
      const [answer] = await cluster.until(cluster.ask(0, { caller: `role-${login}` }));
      await cluster.pass(61_000);
      await cluster.until(
        cluster.ask(0, { rejected: String(answer?.grant?.token.fingerprint), caller: `role-${login}` }),
      );
    }
    const before = seen(cluster)?.logins ?? 0;
    await cluster.until(cluster.ask(1, { account: newName }));

    expect(before).toBeGreaterThanOrEqual(6);
    expect(cluster.table.rows.get(newName)?.logins?.S?.split(' ')).toHaveLength(before + 1);
  });
});
