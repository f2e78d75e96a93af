// Tests a Fegora user that passes to another account while calls of the table fail or an environment dies. Virtual time.
import { describe, expect, test } from 'vitest';
import { otherPassword, otherUser, refusedAt, setVersion } from '../../../support/cluster/operators.ts';
import { mostWithin } from '../../../support/cluster/tally.ts';
import {
  account,
  type Cluster,
  goodPassword,
  startCluster,
  type TableTrouble,
  username,
} from '../../../support/cluster.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Calls of the table from the first read under the new name to the end of the login, and one more. */
const calls = 11;

/** What happens to one call of the table, and to all later calls of its environment. */
interface Harm {
  readonly once: TableTrouble;
  readonly later?: TableTrouble;
}

function deploy(cluster: Cluster, environment: number, name: string): void {
  cluster.restart(environment, { accounts: { [name]: 'fegora/main' } });
}

/** Harms the call with this number, from 0, that environment 1 makes, whatever item it is about. */
function harmCall({ table }: Cluster, number: number, { once, later }: Harm): void {
  let made = 0;
  const next = (environment: number): TableTrouble => {
    if (environment !== 1) {
      return undefined;
    }
    made += 1;
    return made === number + 1 ? once : made > number + 1 ? later : undefined;
  };
  table.trouble = (_, environment) => next(environment);
  table.userTrouble = (_, environment) => next(environment);
}

/** Starts with an account that had logged in, and whose user had two passwords refused since. */
async function startRefused(): Promise<Cluster> {
  const cluster = await startCluster({ environments: 3 });
  cluster.fegora.set({ lockoutFailures: 50 });
  await cluster.until(cluster.ask(0));
  await cluster.pass(61_000);
  for (const version of ['m1', 'm2']) {
    const end = await setVersion(cluster, { versionId: version, password: `mistyped-${version}` });
    expect(end).toBe('credentials_rejected');
  }
  return cluster;
}

/** Verifies mistyped versions in environment 2 for four minutes. Returns how the last one ended. */
async function mistypeOn(cluster: Cluster, name: string): Promise<string> {
  let end = '';
  for (let version = 3; version < 3 + 24; version++) {
    const next = { versionId: `m${version}`, password: `mistyped-${version}` };
    end = await setVersion(cluster, next, { of: name, environment: 2 });
    await cluster.pass(10_000);
  }
  return end;
}

const harms: readonly (readonly [string, Harm])[] = [
  ['one call is throttled', { once: 'throttled' }],
  ['one call is not made', { once: 'down' }],
  ['the answer to one call is lost', { once: 'lost' }],
  ['one call hangs', { once: 'hanging' }],
  ['the environment dies before a call', { once: 'down', later: 'down' }],
  ['the environment dies after a call', { once: 'lost', later: 'down' }],
];
const ends = [
  ['the new name goes on', 'renamed'],
  ['the old name comes back', account],
  ['the account is renamed again', 'renamed-again'],
] as const;
const cases = harms.flatMap(([what, harm]) => ends.map(([how, name]) => [what, how, { harm, name }] as const));

describe('promise 74: a user that passes to a renamed account', () => {
  test.each(cases)(
    'keeps its refusals, and is served within an hour, when %s and %s',
    async (_what, _how, { harm, name }) => {
      for (let number = 0; number < calls; number++) {
        const cluster = await startRefused();
        deploy(cluster, 1, 'renamed');
        harmCall(cluster, number, harm);
        cluster.secret.current = () => ({ versionId: 'm3', password: 'mistyped-3' });
        await cluster.until(cluster.ask(1, { account: 'renamed' }));
        deploy(cluster, 2, name);

        expect([number, await mistypeOn(cluster, name)]).toEqual([number, 'too_many_refusals']);
        expect(mostWithin(refusedAt(cluster, username), hourMs)).toBeLessThanOrEqual(3);
        await cluster.pass(hourMs);
        const good = { versionId: 'good', password: goodPassword };
        expect([number, await setVersion(cluster, good, { of: name, environment: 2 })]).toEqual([number, 'renewed']);
        expect(cluster.fegora.counters().users[username]).toMatchObject({ maxInFlight: 1, bricked: false });
      }
    },
  );
});

describe('promise 74: two accounts whose secrets were swapped', () => {
  const second = 'second';

  /** Two accounts whose tokens have ended, and whose secrets name each other's user. */
  async function startSwapped(): Promise<Cluster> {
    const cluster = await startCluster({
      environments: 3,
      accounts: { [second]: 'fegora/second' },
      secrets: { 'fegora/second': { versionId: 's1', username: otherUser, password: otherPassword } },
    });
    cluster.fegora.setPassword(otherUser, otherPassword);
    await cluster.until(cluster.ask(0), cluster.ask(0, { account: second }));
    cluster.secret.current = () => ({ versionId: 'v2', password: otherPassword, username: otherUser });
    cluster.secretOf('fegora/second').current = () => ({ versionId: 's2', password: goodPassword, username });
    await cluster.pass(1_801_000);
    return cluster;
  }

  /** Calls two accounts in environment 2 until both are served, for up to five minutes. Whether they are. */
  async function areServed(cluster: Cluster, names: readonly string[]): Promise<boolean> {
    const until = cluster.clock.now() + 5 * minuteMs;
    while (cluster.clock.now() < until) {
      const answers = await cluster.until(...names.map((name) => cluster.ask(2, { account: name })));
      if (answers.every(({ grant }) => grant !== undefined)) {
        return true;
      }
      await cluster.pass(10_000);
    }
    return false;
  }

  test.each(harms)('are both served within 5 minutes when %s', async (_, harm) => {
    for (let number = 0; number < calls; number++) {
      for (const taking of [account, second]) {
        const cluster = await startSwapped();
        // One account has let go of its user, so the other can take that user over.
        await cluster.until(cluster.ask(0, { account: taking === account ? second : account }));
        harmCall(cluster, number, harm);
        await cluster.until(cluster.ask(1, { account: taking }));

        expect([number, taking, await areServed(cluster, [account, second])]).toEqual([number, taking, true]);
        expect(cluster.fegora.counters().users[username]).toMatchObject({ maxInFlight: 1, bricked: false });
        expect(cluster.fegora.counters().users[otherUser]).toMatchObject({ maxInFlight: 1, bricked: false });
      }
    }
  });

  test('are served when one of them is renamed while its user passes on', async () => {
    for (let number = 0; number < calls; number++) {
      const cluster = await startSwapped();
      await cluster.until(cluster.ask(0));
      harmCall(cluster, number, { once: 'lost', later: 'down' });
      await cluster.until(cluster.ask(1, { account: second }));
      cluster.restart(2, { accounts: { renamed: 'fegora/second', [account]: 'fegora/main' } });

      expect([number, await areServed(cluster, [account, 'renamed'])]).toEqual([number, true]);
      expect(cluster.fegora.counters().users[username]).toMatchObject({ maxInFlight: 1, bricked: false });
    }
  });
});
