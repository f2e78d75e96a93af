// Tests password rotations and the events that announce them, with environments on virtual time.
import { describe, expect, test } from 'vitest';
import type { WarmupResult } from '../../../lambda/broker/contract.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import { type Answer, account, type Cluster, goodPassword, startCluster, username } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const newPassword = 'not-a-real-password-either';

/** Changes the password at Fegora and in the secret. */
function rotate({ fegora, secret }: Cluster, versionId = 'v2'): void {
  fegora.setPassword(username, newPassword);
  secret.current = () => ({ versionId, password: newPassword });
}

function errorsIn(answers: readonly Answer[]): (string | undefined)[] {
  return answers.filter(({ error }) => error).map(({ error }) => error?.code);
}

async function verify(cluster: Cluster, environment: number): Promise<WarmupResult | string> {
  const verified = cluster.brokers[environment]?.verify(account, () => 25_000);
  const [result] = await cluster.until(Promise.resolve(verified).catch((error: unknown) => error));
  if (result instanceof BrokerError) {
    return result.code;
  }
  return Object(result).outcome;
}

describe('promise 20: a rotated password', () => {
  test('makes one refused login and one successful login, and no caller sees an error, when the password was rotated', async () => {
    const cluster = await startCluster({ environments: 5, lifetimeSeconds: 121 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);
    // The token ends while the old password is still in the cache of 5 minutes.
    await cluster.pass(60_000);
    const answers = await cluster.askAll();

    expect(errorsIn(answers)).toEqual([]);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 3, refusals: 1, logins: 2, overlapsSeen: 0 });
    expect(answers.map(({ grant }) => grant?.token.versionId)).toEqual(answers.map(() => 'v2'));
    expect(cluster.table.rows.get(account)).toHaveProperty('marks');
  });

  test('serves all callers without a warning when the password was rotated before the renewal window', async () => {
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

  test('sends the old password once and serves within 10 s of the new one when the secret changes after Fegora', async () => {
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

  test('logs in with the previous version when the secret goes back to it', async () => {
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

describe('promise 21: Secrets Manager alternates between two versions for a minute', () => {
  /** Lets each read return the other version. */
  function alternate({ secret }: Cluster, passwords: readonly [string, string]): void {
    secret.current = () => {
      const index = secret.reads % 2;
      return { versionId: `v${index}`, password: passwords[index] ?? '' };
    };
  }

  test('sends each version once when both versions are wrong', async () => {
    const cluster = await startCluster({ environments: 10 });
    alternate(cluster, ['not-the-right-one', 'not-the-right-one-either']);
    const answers: Answer[] = [];
    await cluster.load(full(50, 10), 60_000, (answer) => answers.push(answer));

    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 2 });
    expect(new Set(errorsIn(answers))).toEqual(new Set(['credentials_rejected']));
  });

  test('sends the wrong version at most once when the other is right', async () => {
    const cluster = await startCluster({ environments: 10, lifetimeSeconds: 21 });
    alternate(cluster, ['not-the-right-one', goodPassword]);
    const answers: Answer[] = [];
    await cluster.load(full(50, 10), 60_000, (answer) => answers.push(answer));

    expect(cluster.fegora.counters().refusals).toBeLessThanOrEqual(1);
    expect(errorsIn(answers)).toEqual([]);
  });
});

describe('promise 22: an event that says that the secret changed', () => {
  test('logs in once with the new version, and does nothing when the event comes again or late', async () => {
    const cluster = await startCluster({ environments: 3 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);

    expect(await verify(cluster, 0)).toBe('renewed');
    await cluster.pass(61_000);
    expect(await verify(cluster, 0)).toBe('fresh');
    expect(await verify(cluster, 1)).toBe('fresh');
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2 });
    // The other environments have the old token, which is still valid.
    expect(errorsIn(await cluster.askAll())).toEqual([]);
  });

  test('gets a token when the event comes before the first login', async () => {
    const cluster = await startCluster();

    expect(await verify(cluster, 0)).toBe('renewed');
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  });

  test('makes one login when all environments get the event at the same time', async () => {
    const cluster = await startCluster({ environments: 5 });
    await cluster.askAll();
    await cluster.pass(61_000);
    rotate(cluster);
    cluster.fegora.set({ delayMs: 500 });
    const results = await cluster.until(
      ...cluster.brokers.map((broker) => broker.verify(account, () => 25_000).then(({ outcome }) => outcome)),
    );

    expect(results.filter((outcome) => outcome === 'renewed')).toHaveLength(1);
    expect(results.filter((outcome) => outcome === 'fresh')).toHaveLength(4);
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, logins: 2, overlapsSeen: 0 });
  });

  test('reads the secret only after the login when the event comes during the first login in another environment', async () => {
    const cluster = await startCluster({ environments: 2 });
    cluster.fegora.set({ delayMs: 7000 });
    const asked = cluster.ask(0);
    await cluster.pass(200);
    const before = cluster.secret.reads;
    const verified = verify(cluster, 1);

    expect((await asked).grant?.source).toBe('upstream');
    expect(cluster.secret.reads).toBe(before);
    expect(await verified).toBe('fresh');
    expect(cluster.secret.reads).toBe(before + 1);
  });

  test('does not send a rejected version again because of the event, even when its retry is due', async () => {
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

  test('sends a wrong new password once and keeps the old token', async () => {
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

  test('logs in with the new version when the event never comes', async () => {
    const cluster = await startCluster({ lifetimeSeconds: 601 });
    await cluster.askAll();
    rotate(cluster);
    await cluster.pass(601_000);

    expect(errorsIn(await cluster.askAll())).toEqual([]);
    // The old version was no longer cached.
    expect(cluster.fegora.counters()).toMatchObject({ attempts: 2, refusals: 0 });
  });

  test('sends nothing when the account is paused, has just logged in, or has too little time', async () => {
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

  test('is fresh within a minute of a login when the stored token is of that version', async () => {
    const cluster = await startCluster({ environments: 2 });
    await cluster.askAll();
    await cluster.pass(10_000);

    expect(await verify(cluster, 1)).toBe('fresh');
    expect(cluster.fegora.counters().attempts).toBe(1);
  });

  test('is credentials_rejected within a minute of a login when Fegora has refused that version', async () => {
    const cluster = await startCluster();
    await cluster.askAll();
    await cluster.pass(61_000);
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one' });
    expect(await verify(cluster, 0)).toBe('credentials_rejected');
    cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword });
    await cluster.ask(0, { rejected: (await cluster.ask(0)).grant?.token.fingerprint ?? '' });
    cluster.secret.current = () => ({ versionId: 'v2', password: 'not-the-right-one' });

    expect(await verify(cluster, 0)).toBe('credentials_rejected');
    expect(cluster.fegora.counters().refusals).toBe(1);
  });

  test.each([
    ['waits out the minute after a login when the invocation has the time', 48_000, 'renewed', undefined],
    ['says when it may be tried when the invocation has too little time', 46_000, 'skipped', 14_001],
  ])('%s', async (_name, afterLoginMs, outcome, retryAfterMs) => {
    const cluster = await startCluster();
    await cluster.askAll();
    await cluster.pass(afterLoginMs);
    rotate(cluster);
    const begun = cluster.clock.now();
    const remaining = () => 25_000 - (cluster.clock.now() - begun);
    const [result] = await cluster.until(Promise.resolve(cluster.brokers[0]?.verify(account, remaining)));

    expect(result).toMatchObject({ outcome, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    expect(cluster.clock.now() - begun).toBe(outcome === 'renewed' ? 12_001 : 0);
    expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0 });
  });

  test('lets no other call of the environment wait with it', async () => {
    const cluster = await startCluster();
    const first = await cluster.ask(0);
    await cluster.pass(50_000);
    rotate(cluster);
    const verified = Promise.resolve(cluster.brokers[0]?.verify(account, () => 25_000));
    await cluster.pass(1000);
    const begun = cluster.clock.now();
    const { grant } = await cluster.ask(0, { rejected: first.grant?.token.fingerprint ?? '' });

    expect(grant?.source).toBe('upstream');
    expect(cluster.clock.now() - begun).toBeLessThan(1000);
    // Its own minute counts from the forced login.
    await cluster.pass(9001);
    expect(await cluster.until(verified)).toMatchObject([{ outcome: 'fresh' }]);
  });

  test('logs in because of the event when the renewal is delayed after a failure', async () => {
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

  test('backs off when the event comes just after a failed login', async () => {
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
