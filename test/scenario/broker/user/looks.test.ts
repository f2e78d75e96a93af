// Tests that an environment notices a token that an operator made invalid, whatever is wrong with its clock or the table. Virtual time.
import { describe, expect, test } from 'vitest';
import type { Amendment } from '../../../../lambda/broker/ports.ts';
import { amend } from '../../../support/cluster/operators.ts';
import { account, type Cluster, startCluster } from '../../../support/cluster.ts';

const minuteMs = 60_000;

/** Two environments with a token, half a second after both have looked at the table. Returns the token. */
async function startWithToken(): Promise<{ readonly cluster: Cluster; readonly old: string | undefined }> {
  const cluster = await startCluster({ environments: 2 });
  await cluster.askAll();
  await cluster.pass(2 * minuteMs);
  const [answer] = await cluster.askAll();
  await cluster.pass(500);
  return { cluster, old: answer?.grant?.token.accessToken };
}

/** Calls both environments each second for three minutes. Returns the seconds until the last old token was handed out. */
async function secondsOf({ load, clock }: Cluster, old: string | undefined): Promise<number> {
  const from = clock.now();
  let last = from;
  await load(2, 3 * minuteMs, ({ grant, answeredAt }) => {
    last = grant?.token.accessToken === old ? answeredAt : last;
  });
  return (last - from) / 1000;
}

describe('promise 76: hands out the old token for at most 60 s', () => {
  const troubles: readonly (readonly [string, (cluster: Cluster) => void])[] = [
    ['the clock of an environment is 10 s ahead', ({ shiftMs }) => shiftMs.fill(10_000, 1)],
    ['the clock of an environment is 10 s behind', ({ shiftMs }) => shiftMs.fill(-10_000, 1)],
    [
      'the answers of the table lack the Date header',
      ({ table }) => {
        table.isTimeless = true;
      },
    ],
    [
      'the lease of the item is impossible',
      ({ table, clock }) => {
        const row = { ...table.rows.get(account), lease_until: { N: String(clock.now() + 3_600_000) } };
        table.rows.set(account, row);
      },
    ],
  ];
  const amendments = ['purge', 'revoke', 'pause'] satisfies Amendment[];
  const cases = troubles.flatMap(([name, begin]) => amendments.map((amendment) => [amendment, name, begin] as const));

  test.each(cases)('after %s when %s', async (amendment, _, begin) => {
    const { cluster, old } = await startWithToken();
    begin(cluster);
    await amend(cluster, amendment);
    const seconds = await secondsOf(cluster, old);

    expect(seconds).toBeGreaterThan(1);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  test.each(['throttled', 'down', 'hanging'] as const)('after purge when one read is %s', async (trouble) => {
    const { cluster, old } = await startWithToken();
    await amend(cluster, 'purge');
    let reads = 0;
    cluster.table.trouble = (operation, environment) => {
      reads += operation === 'GetItem' && environment === 1 ? 1 : 0;
      return operation === 'GetItem' && environment === 1 && reads === 1 ? trouble : undefined;
    };

    expect(await secondsOf(cluster, old)).toBeLessThanOrEqual(60);
    expect(reads).toBeGreaterThan(1);
  });
});

test('promise 76: looks again 5 s after a failed look, and not at every call, while the table is down', async () => {
  const { cluster } = await startWithToken();
  cluster.table.trouble = () => 'down';
  cluster.table.calls.length = 0;
  await cluster.load(2, 3 * minuteMs, () => {});
  const looks = cluster.table.calls.filter(({ environment }) => environment === 1).map(({ at }) => at);
  const gaps = looks.slice(1).map((at, index) => at - (looks[index] ?? 0));

  expect(gaps.length).toBeGreaterThan(10);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
});

test('promise 76: notices a purge at its next call when the machine was suspended and its monotonic clock stood still', async () => {
  const { cluster, old } = await startWithToken();
  await amend(cluster, 'purge');
  await cluster.pass(150_000);
  cluster.suspendedMs[1] = 149_900;
  const [answer] = await cluster.until(cluster.ask(1));

  expect(answer?.grant?.token.accessToken).toBeDefined();
  expect(answer?.grant?.token.accessToken).not.toBe(old);
});
