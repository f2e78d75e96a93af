// Old and new versions of the function, and both modes, on one table for an hour (promise 70).
import { expect, test } from 'vitest';
import type { CallDynamo } from '../../../../lambda/aws/call-dynamo.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';
import { createRandom } from '../../../support/cluster/observations.ts';
import { account, startCluster, username } from '../../../support/cluster.ts';

/** Removes every member that names something of a refresh token. */
function without(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }
  const members = Object.entries(value).filter(([name]) => !name.includes('refresh'));
  return Object.fromEntries(members.map(([name, member]) => [name, without(member)]));
}

/**
 * As a version of the function without refresh mode calls the table: it reads nothing of a refresh token, and leaves what is
 * stored of one as it is.
 */
function ofOldVersion(call: CallDynamo): CallDynamo {
  return async (operation, input, ...rest) => {
    const { output, ...answer } = await call(operation, withoutClauses(input), ...rest);
    return { output: without(output), ...answer };
  };
}

function withoutClauses(input: Parameters<CallDynamo>[1]): Parameters<CallDynamo>[1] {
  const { UpdateExpression: update, ...rest } = input;
  if (typeof update !== 'string') {
    return input;
  }
  const names = update
    .replace(/, #refresh_\w+(?! =)/g, '')
    .replace(/ REMOVE #refresh_\w+(?=$| DELETE)/, '')
    .replace(/REMOVE #refresh_\w+, /, 'REMOVE ');
  return { ...Object(without(rest)), UpdateExpression: names };
}

/** Which environments call in this second: all at random for half an hour, then new ones only, then all again. */
function callersAt(second: number, random: () => number): readonly number[] {
  if (second >= 1800 && second < 3000) {
    return [second < 2400 ? 2 : 3];
  }
  const first = Math.floor(random() * 4);
  return [first, (first + 1) % 4];
}

test.each(['password', 'refresh_token'] as const)(
  'promise 70: an hour of mixed calls to old and new versions (%s) has one login at a time, and loses no token',
  async (renewWith) => {
    const cluster = await startCluster({ environments: 4, lifetimeSeconds: 300, renewWith });
    const { fegora, ask, until, pass, restart, table } = cluster;
    restart(0, { renewWith: 'password', adapt: ofOldVersion });
    restart(1, { renewWith: 'password', adapt: ofOldVersion });
    restart(3, { renewWith: renewWith === 'password' ? 'refresh_token' : 'password' });
    const random = createRandom();
    const errors: string[] = [];
    let reported = 0;
    for (let second = 0; second < 60 * 60; second += 10) {
      const rejected = random() < 0.01 ? table.rows.get(account)?.access_token?.S : undefined;
      reported += rejected === undefined ? 0 : 1;
      const request = rejected === undefined ? {} : { rejected: fingerprint(rejected) };
      const answers = await until(...callersAt(second, random).map((environment) => ask(environment, request)));
      errors.push(...answers.flatMap(({ error }) => (error === undefined ? [] : [error.code])));
      if (second % 900 === 300) {
        fegora.logInElsewhere(username);
      }
      await pass(10_000);
    }

    expect(errors).toEqual([]);
    const counts = fegora.counters();
    expect(counts).toMatchObject({ overlapsSeen: 0, overlapsInside: 0, refusals: 0, crashes: 0 });
    expect(counts.logins + counts.refreshes).toBeLessThan(30 + reported);
    // Both grants were used: by the new versions in refresh mode, and by the old ones.
    expect([counts.logins > 3, counts.refreshes > 0]).toEqual([true, true]);
    expect(cluster.observed('item_malformed') + cluster.observed('token_malformed')).toBe(0);
    expect(cluster.observed('publish_refused')).toBe(0);
  },
  120_000,
);

test('promise 70: a token that an old version buys ends the refresh token for the new version', async () => {
  const cluster = await startCluster({ environments: 2, renewWith: 'refresh_token' });
  await cluster.until(cluster.ask(0));
  cluster.restart(1, { renewWith: 'password', adapt: ofOldVersion });
  await cluster.pass(1_750_000);
  await cluster.until(cluster.ask(1));
  expect(cluster.table.rows.get(account)?.refresh_token).toBeDefined();
  await cluster.pass(1_750_000);
  cluster.restart(0);
  const [answer] = await cluster.until(cluster.ask(0));

  expect(answer?.error).toBeUndefined();
  // The stale refresh token does not go out: no request for nothing.
  expect(cluster.fegora.counters()).toMatchObject({ logins: 3, refreshAttempts: 0 });
});
