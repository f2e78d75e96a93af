// How long a refresh token is kept, and what ends it (promises 41 and 44 in refresh mode): operators, secrets, settings.
import { describe, expect, test } from 'vitest';
import {
  askAfterExpiry,
  sent,
  startRefreshing,
  storedRefreshToken,
  untilMarginMs,
  untilWindowMs,
} from '../../../support/cluster/grants.ts';
import { amend, setVersion } from '../../../support/cluster/operators.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';

const newPassword = 'not-a-real-password-2';

/** What the item holds of a refresh token, by name. */
function refreshAttributes({ table }: Cluster): string[] {
  return Object.keys(table.rows.get(account) ?? {}).filter((name) => name.includes('refresh'));
}

describe('promise 44: password mode', () => {
  test('stores nothing of the refresh tokens that Fegora hands out, at any write', async () => {
    const cluster = await startCluster({ environments: 2 });
    const texts: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await cluster.askAll();
      texts.push(JSON.stringify([...cluster.table.rows]));
      await cluster.pass(untilWindowMs);
    }

    expect(cluster.fegora.counters()).toMatchObject({ logins: 4, otherGrants: 0 });
    expect(texts.join()).not.toMatch(/refresh/i);
    expect(cluster.noticed.filter((one) => 'grant' in one)).toEqual([]);
  });
});

describe('what ends a refresh token', () => {
  test.for(['purge', 'revoke', 'pause'] as const)(
    'a %s removes it from the table, and it is not sent again',
    async (amendment) => {
      const cluster = await startRefreshing();
      await amend(cluster, amendment);
      expect(refreshAttributes(cluster)).toEqual([]);
      await amend(cluster, 'resume');
      await askAfterExpiry(cluster);

      expect(sent(cluster)).toEqual(['password issued', 'password issued']);
    },
  );

  test.for(['purge', 'revoke', 'pause'] as const)(
    'a %s while a login is under way leaves its token, and stores no refresh token',
    async (amendment) => {
      const cluster = await startRefreshing();
      cluster.fegora.set({ delayMs: 1500 });
      await cluster.pass(untilMarginMs);
      cluster.restart(0);
      const asked = cluster.ask(0);
      await cluster.pass(700);
      await amend(cluster, amendment);
      const [answer] = await cluster.until(asked);

      expect(sent(cluster)).toEqual(['password issued', 'refresh refreshed']);
      expect(answer?.grant?.token.accessToken).toBe(cluster.table.rows.get(account)?.access_token?.S);
      expect(cluster.observed('publish_refused')).toBe(0);
      expect(refreshAttributes(cluster)).toEqual([]);
      await amend(cluster, 'resume');
      await askAfterExpiry(cluster);
      expect(sent(cluster).at(-1)).toBe('password issued');
    },
  );

  test('a verified version of the secret replaces it', async () => {
    const cluster = await startRefreshing();
    const before = storedRefreshToken(cluster);
    await cluster.pass(120_000);
    cluster.fegora.setPassword(username, newPassword);
    expect(await setVersion(cluster, { versionId: 'v2', password: newPassword })).toBe('renewed');
    expect(storedRefreshToken(cluster)).not.toBe(before);
    await askAfterExpiry(cluster);

    expect(sent(cluster)).toEqual(['password issued', 'password issued', 'refresh refreshed']);
  });

  test('a version of the secret that no one verified is used as soon as an environment reads it', async () => {
    const cluster = await startRefreshing();
    cluster.secret.current = () => ({ versionId: 'v2', password: goodPassword });
    await askAfterExpiry(cluster);

    expect(sent(cluster)).toEqual(['password issued', 'password issued']);
    expect(cluster.table.rows.get(account)?.version_id?.S).toBe('v2');
  });

  test('an environment with an older version in memory asks for the secret before it gives up the refresh token', async () => {
    const cluster = await startRefreshing({ environments: 2 });
    // Environment 1 reads v1 again a moment before environment 0 logs in with v2.
    await cluster.pass(400_000);
    await setVersion(cluster, { versionId: 'v1', password: goodPassword }, { environment: 1 });
    await setVersion(cluster, { versionId: 'v2', password: goodPassword });
    await cluster.pass(untilWindowMs);
    await cluster.until(cluster.ask(1));

    expect(sent(cluster)).toEqual(['password issued', 'password issued', 'refresh refreshed']);
  });

  test('another client id ends it', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.set({ clientId: 'another' });
    await cluster.pass(untilMarginMs);
    cluster.restart(0, { clientId: 'another' });
    await cluster.until(cluster.ask(0));

    expect(sent(cluster)).toEqual(['password issued', 'password issued']);
  });

  test('another user in the secret ends it', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.setPassword('otra@empresa.gt', newPassword);
    cluster.secret.current = () => ({ versionId: 'v1', username: 'otra@empresa.gt', password: newPassword });
    await askAfterExpiry(cluster);

    expect(sent(cluster)).toEqual(['password issued', 'password issued']);
    expect(cluster.fegora.logins().map((login) => login.username)).toEqual([username, 'otra@empresa.gt']);
  });

  test('a change to password mode ends it at the next login, without an extra one, and back again', async () => {
    const cluster = await startRefreshing();
    cluster.restart(0, { renewWith: 'password' });
    await cluster.until(cluster.ask(0));
    expect(sent(cluster)).toEqual(['password issued']);
    await cluster.pass(untilWindowMs);
    await cluster.until(cluster.ask(0));
    expect(refreshAttributes(cluster)).toEqual([]);
    expect(sent(cluster)).toEqual(['password issued', 'password issued']);

    cluster.restart(0, { renewWith: 'refresh_token' });
    await cluster.until(cluster.ask(0));
    expect(cluster.fegora.counters().logins).toBe(2);
    await cluster.pass(untilWindowMs);
    await cluster.until(cluster.ask(0));
    await cluster.pass(untilWindowMs);
    await cluster.until(cluster.ask(0));
    expect(sent(cluster).slice(2)).toEqual(['password issued', 'refresh refreshed']);
  });

  test('a change to password mode removes it at the claim, also when Fegora refuses the password then', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.setPassword(username, newPassword);
    await cluster.pass(untilMarginMs);
    cluster.restart(0, { renewWith: 'password' });
    const [answer] = await cluster.until(cluster.ask(0));

    expect(answer?.error?.code).toBe('credentials_rejected');
    expect(refreshAttributes(cluster)).toEqual([]);
  });

  test('an answer of Fegora without one ends it', async () => {
    const cluster = await startRefreshing();
    const body = { access_token: 'not-a-real-token-2', token_type: 'bearer', expires_in: 1799 };
    const headers = { 'Content-Type': 'application/json' };
    cluster.fegora.addFault({ kind: 'answer', status: 200, headers, body: JSON.stringify(body) });
    const answer = await askAfterExpiry(cluster);

    expect(answer.error).toBeUndefined();
    expect(refreshAttributes(cluster)).toEqual([]);
  });
});

/** Reports the token that callers have. Returns the code of the error. */
async function report(cluster: Cluster): Promise<string | undefined> {
  const [before] = await cluster.until(cluster.ask(0));
  const rejected = before?.grant?.token.fingerprint ?? '';
  const [answer] = await cluster.until(cluster.ask(0, { rejected, caller: 'role' }));
  return answer?.error?.code;
}

describe('a reported token', () => {
  test('is replaced with the password, because its chain may have ended', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.changeKey();

    expect(await report(cluster)).toBeUndefined();
    expect(sent(cluster)).toEqual(['password issued', 'password issued']);
    await askAfterExpiry(cluster);
    expect(sent(cluster)).toEqual(['password issued', 'password issued', 'refresh refreshed']);
  });

  test('promise 68: leaves the refresh token usable when Fegora refuses the password', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.setPassword(username, newPassword);
    expect(await report(cluster)).toBe('credentials_rejected');
    const answer = await askAfterExpiry(cluster);

    expect(answer.error).toBeUndefined();
    expect(sent(cluster)).toEqual(['password issued', 'password refused', 'refresh refreshed']);
    expect(cluster.table.rows.get(account)?.marks?.SS).toHaveLength(1);
  });

  test('makes callers wait for a refresh under way although the password is rejected', async () => {
    const cluster = await startRefreshing({ environments: 2 });
    cluster.fegora.setPassword(username, newPassword);
    await report(cluster);
    cluster.fegora.set({ delayMs: 1500 });
    await cluster.pass(untilMarginMs);
    cluster.restart(0);
    cluster.restart(1);
    const answers = await cluster.askAll();

    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined]);
    expect(sent(cluster)).toEqual(['password issued', 'password refused', 'refresh refreshed']);
  });
});

describe('what protects the Fegora user', () => {
  /** Lets the password be answered 401 three times, because callers report the token. */
  async function doubtThrice(cluster: Cluster): Promise<void> {
    cluster.fegora.addFault({ kind: 'answer', status: 401, grant: 'password', times: 3 });
    for (const pauseMs of [61_000, 121_000, 241_000]) {
      await report(cluster);
      await cluster.pass(pauseMs);
    }
  }

  /** Lets Fegora refuse three mistyped versions of the secret within the hour. */
  async function mistype(cluster: Cluster): Promise<void> {
    for (const versionId of ['w1', 'w2', 'w3']) {
      await cluster.pass(61_000);
      await setVersion(cluster, { versionId, password: versionId });
    }
    cluster.secret.current = () => ({ versionId: 'v1', password: goodPassword });
  }

  test('a refresh is allowed while the user rests, and no password follows it', async () => {
    const cluster = await startRefreshing();
    await doubtThrice(cluster);
    const first = await askAfterExpiry(cluster);
    cluster.fegora.logInElsewhere(username);
    const second = await askAfterExpiry(cluster);

    expect([first.error?.code, second.error?.code]).toEqual([undefined, 'credentials_rejected']);
    const sends = [...Array(3).fill('password faulted'), 'refresh refreshed', 'refresh refused'];
    expect(sent(cluster).slice(1)).toEqual(sends);
  });

  test('a mistyped version of the secret ends the refresh token, and no password goes out while the user rests', async () => {
    const cluster = await startRefreshing();
    await mistype(cluster);
    const answer = await askAfterExpiry(cluster);

    expect(answer.error?.code).toBe('too_many_refusals');
    expect(sent(cluster).slice(1)).toEqual(Array(3).fill('password refused'));
  });

  test('no password goes out in place of the refresh token of another version while the user rests', async () => {
    const cluster = await startRefreshing();
    await doubtThrice(cluster);
    cluster.secret.current = () => ({ versionId: 'v2', password: goodPassword });
    const answer = await askAfterExpiry(cluster);

    expect(answer.error?.code).toBe('too_many_refusals');
    expect(sent(cluster).slice(1)).toEqual(Array(3).fill('password faulted'));
  });

  test('refreshes count as logins of the budget', async () => {
    const cluster = await startRefreshing();
    await askAfterExpiry(cluster);

    expect((cluster.table.rows.get(account)?.logins?.S ?? '').split(' ')).toHaveLength(2);
    expect(cluster.table.rows.get(account)?.sends?.S).toBe('');
  });
});
