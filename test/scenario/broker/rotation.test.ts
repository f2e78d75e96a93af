import { describe, expect, test } from 'vitest';
import type { Upkeep } from '../../../lambda/broker/broker.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import { type Answer, account, type Cluster, goodPassword, startCluster, username } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const newPassword = 'not-a-real-password-either';

/** Gives Fegora and the secret another password. */
function rotate({ fegora, secret }: Cluster, versionId = 'v2'): void {
  fegora.setPassword(username, newPassword);
  secret.current = () => ({ versionId, password: newPassword });
}

function errorsIn(answers: readonly Answer[]): (string | undefined)[] {
  return answers.filter(({ error }) => error).map(({ error }) => error?.code);
}

async function verify(cluster: Cluster, environment: number): Promise<Upkeep | string> {
  const verified = cluster.brokers[environment]?.verify(account, () => 25_000);
  const [result] = await cluster.until(Promise.resolve(verified).catch((error: unknown) => error));
  if (result instanceof BrokerError) {
    return result.code;
  }
  return Object(result).outcome;
}

describe('promise 20: a rotated password', () => {
  test('costs one refusal, a look past the cache and one login, and no caller sees an error', async () => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 121 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);
    // The token has run out before the 5 minutes in which the old password is cached.
    await cluster.pass(60_000);
    const answers = await cluster.askAll();

    expect(errorsIn(answers)).toEqual([]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 3, refusals: 1, logins: 2, overlapsSeen: 0 });
    expect(answers.map(({ grant }) => grant?.token.versionId)).toEqual(answers.map(() => 'v2'));
    expect(cluster.table.rows.get(account)).toHaveProperty('marks');
  });

  test('in the renewal window is not even noticed', async () => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 241 });
    await cluster.askAll();
    rotate(cluster);
    const answers: Answer[] = [];
    await cluster.load(full(20, 4), 240_000, (answer) => answers.push(answer));

    expect(errorsIn(answers)).toEqual([]);
    expect(cluster.fegora.counters()).toMatchObject({ refusals: 1, logins: 2 });
    expect(answers.at(-1)?.grant).toMatchObject({ token: { versionId: 'v2' } });
    expect(answers.at(-1)?.grant?.warning).toBeUndefined();
  });

  test('that reaches the secret after Fegora: refused once, and served within 10 s of it', async () => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 121 });
    await cluster.askAll();
    cluster.fegora.setPassword(username, newPassword);
    await cluster.pass(121_000);
    const refused = await cluster.askAll();
    await cluster.pass(200_000);
    rotate(cluster);
    const answers: Answer[] = [];
    await cluster.load(5, 20_000, (answer) => answers.push(answer));

    expect(new Set(errorsIn(refused))).toEqual(new Set(['credentials_rejected']));
    expect(cluster.fegora.counters()).toMatchObject({ refusals: 1, logins: 2 });
    expect(errorsIn(answers.slice(50))).toEqual([]);
  });

  test('back to the version before, which had never been refused', async () => {
    const cluster = await startCluster({ environments: 2, lifetimeSeconds: 121 });
    await cluster.askAll();
    cluster.secret.current = () => ({ versionId: 'v2', password: newPassword });
    await cluster.pass(301_000);
    expect(new Set(errorsIn(await cluster.askAll()))).toEqual(new Set(['credentials_rejected']));
    cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword });
    await cluster.pass(5000);

    expect(errorsIn(await cluster.askAll())).toEqual([]);
    expect(cluster.fegora.counters()).toMatchObject({ refusals: 1, logins: 2 });
  });
});

describe('promise 21: Secrets Manager flaps for a minute', () => {
  /** Another version at every read. */
  function flap({ secret }: Cluster, passwords: readonly [string, string]): void {
    secret.current = () => {
      const index = secret.reads % 2;
      return { versionId: `v${index}`, password: passwords[index] ?? '' };
    };
  }

  test('between two bad versions: neither is tried twice', async () => {
    const cluster = await startCluster({ environments: 10 });
    flap(cluster, ['not-the-right-one', 'not-the-right-one-either']);
    const answers: Answer[] = [];
    await cluster.load(full(50, 10), 60_000, (answer) => answers.push(answer));

    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 2 });
    expect(new Set(errorsIn(answers))).toEqual(new Set(['credentials_rejected']));
  });

  test('between a bad one and a good one: the bad one is tried once at most', async () => {
    const cluster = await startCluster({ environments: 10, lifetimeSeconds: 21 });
    flap(cluster, ['not-the-right-one', goodPassword]);
    const answers: Answer[] = [];
    await cluster.load(full(50, 10), 60_000, (answer) => answers.push(answer));

    expect(cluster.fegora.counters().refusals).toBeLessThanOrEqual(1);
    expect(errorsIn(answers)).toEqual([]);
  });
});

describe('promise 22: a word that the secret changed', () => {
  test('logs in once with a new version, and does nothing when it comes again or late', async () => {
    const cluster = await startCluster({ environments: 3 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);

    expect(await verify(cluster, 0)).toBe('renewed');
    await cluster.pass(61_000);
    expect(await verify(cluster, 0)).toBe('fresh');
    expect(await verify(cluster, 1)).toBe('fresh');
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2 });
    // The others hold the old token, which is as good.
    expect(errorsIn(await cluster.askAll())).toEqual([]);
  });

  test('where there is no token yet, gets one', async () => {
    const cluster = await startCluster();

    expect(await verify(cluster, 0)).toBe('renewed');
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  });

  test('that all environments get at once is one login', async () => {
    const cluster = await startCluster({ environments: 5 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);
    cluster.fegora.set({ delayMs: 500 });
    const results = await cluster.until(
      ...cluster.brokers.map((broker) => broker.verify(account, () => 25_000).then(({ outcome }) => outcome)),
    );

    expect(results.filter((outcome) => outcome === 'renewed')).toHaveLength(1);
    expect(results.filter((outcome) => outcome === 'skipped')).toHaveLength(4);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2, overlapsSeen: 0 });
  });

  test('while another logs in and there is no token: the secret is read when that is over', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.fegora.set({ delayMs: 7000 });
    const asked = cluster.ask(0);
    await cluster.pass(200);
    const before = cluster.secret.reads;
    const verified = verify(cluster, 1);

    expect(await verified).toBe('skipped');
    expect((await asked).grant?.source).toBe('upstream');
    expect(cluster.secret.reads).toBe(before);
  });

  test('tries no version again that Fegora refused, one that had logged in before neither, though a renewal would by now', async () => {
    const cluster = await startCluster();
    await cluster.askAll();
    cluster.fegora.setPassword(username, 'changed-elsewhere');
    await cluster.pass(1_801_000);
    await cluster.askAll();
    await cluster.pass(1_801_000);

    expect(await verify(cluster, 0)).toBe('credentials_rejected');
    expect(cluster.fegora.counters().refusals).toBe(1);
    await cluster.askAll();
    expect(cluster.fegora.counters().refusals).toBe(2);
  });

  test('with a password that Fegora refuses: marked, the old token stays, and no second try', async () => {
    const cluster = await startCluster({ environments: 3 });
    await cluster.askAll();
    await cluster.pass(61_000);
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one' });

    expect(await verify(cluster, 0)).toBe('credentials_rejected');
    expect(await verify(cluster, 0)).toBe('credentials_rejected');
    expect(await verify(cluster, 1)).toBe('credentials_rejected');
    const answers = await cluster.askAll();
    expect(errorsIn(answers)).toEqual([]);
    expect(answers.map(({ grant }) => grant?.token.versionId)).toEqual(['v1', 'v1', 'v1']);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 1 });
  });

  test('that never comes: the next login finds the new version', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 601 });
    await cluster.askAll();
    rotate(cluster);
    await cluster.pass(601_000);

    expect(errorsIn(await cluster.askAll())).toEqual([]);
    // The old one was not cached any more.
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 0 });
  });

  test('of an account that is paused, has just logged in, or has too little time: nothing is sent', async () => {
    const cluster = await startCluster();
    await cluster.askAll();
    rotate(cluster);

    expect(await verify(cluster, 0)).toBe('skipped');
    await cluster.pass(61_000);
    const [hurried] = await cluster.until(
      Promise.resolve(cluster.brokers[0]?.verify(account, () => 9000).then(({ outcome }) => outcome)),
    );
    expect(hurried).toBe('skipped');
    await cluster.until(Promise.resolve(cluster.brokers[0]?.amend(account, 'pause', () => 25_000)));
    expect(await verify(cluster, 0)).toBe('paused');
    expect(cluster.fegora.counters().attempts).toBe(1);
    await cluster.until(Promise.resolve(cluster.brokers[0]?.amend(account, 'resume', () => 25_000)));
    expect(await verify(cluster, 0)).toBe('renewed');
  });

  test('while renewal is put off: tried all the same', async () => {
    const cluster = await startCluster({ random: () => 0 });
    await cluster.askAll();
    await cluster.pass(1_200_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    await cluster.pass(10_000);
    rotate(cluster);

    expect((await cluster.askAll())[0]?.grant).toMatchObject({ source: 'memory', warning: 'renewal_failing' });
    expect(await verify(cluster, 0)).toBe('renewed');
  });

  test('while a login failed a moment ago: held like any other', async () => {
    const cluster = await startCluster();
    await cluster.askAll();
    await cluster.pass(1_801_000);
    cluster.fegora.addFault({ kind: 'answer', status: 503 });
    await cluster.askAll();
    rotate(cluster);

    expect(await verify(cluster, 0)).toBe('upstream_unavailable');
    expect(cluster.fegora.counters().attempts).toBe(2);
  });
});
