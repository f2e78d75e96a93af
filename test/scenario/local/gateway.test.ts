// Tests the broker through the gateway of the local run: one login, a wrong password, two runs on one table.
import { afterEach, describe, expect, test } from 'vitest';
import { type LocalRun, startLocalRun } from '../../../local/local-run.ts';
import { startTable } from '../../../local/table.ts';
import { signedCall } from '../../support/signed-call.ts';

const ended: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) {
    await end();
  }
});

describe('through the gateway of the local run', () => {
  async function run(env: Readonly<Record<string, string>> = {}): Promise<LocalRun & { call: typeof call }> {
    const local = await startLocalRun({ env });
    ended.push(local.close);
    return { ...local, call };

    function call(account = 'main') {
      return signedCall(`${local.gateway.url}/token/${account}`, local.callers.all);
    }
  }

  test('promise 1: 200 concurrent first calls get the same token from 1 login', async () => {
    const { call, simulator } = await run();
    const answers = await Promise.all(Array.from({ length: 200 }, () => call()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 200));
    expect(new Set(answers.map(({ body }) => body.token_sha256)).size).toBe(1);
    expect(simulator?.counters()).toMatchObject({ attempts: 1, logins: 1 });
  });

  test('promise 19: a wrong password is sent once for any number of calls; within 10 s of a right one, a call succeeds', async () => {
    const { call, simulator, secrets } = await run();
    const password = (text: string) => JSON.stringify({ username: 'user-of-main', password: text });
    secrets?.put('fegora/main', password('not-a-real-password'));
    for (let times = 0; times < 10; times += 1) {
      await expect(call()).resolves.toMatchObject({ status: 502, body: { error: 'credentials_rejected' } });
    }
    expect(simulator?.counters()).toMatchObject({ attempts: 1, refusals: 1 });

    secrets?.put('fegora/main', password('not-a-real-password-of-main'));
    await expect.poll(async () => (await call()).status, { timeout: 10_000, interval: 500 }).toBe(200);
    expect(simulator?.counters()).toMatchObject({ attempts: 2, refusals: 1, logins: 1 });
  });

  test('a second run on the same table and the same Fegora serves the token of the first', async () => {
    const table = await startTable('fegora-tokens');
    ended.push(table.close);
    const first = await run({ AWS_ENDPOINT_URL_DYNAMODB: table.url });
    await expect(first.call()).resolves.toMatchObject({ body: { source: 'upstream' } });
    const second = await run({ AWS_ENDPOINT_URL_DYNAMODB: table.url, FEGORA_TOKEN_URL: first.tokenUrl });
    await expect(second.call()).resolves.toMatchObject({ body: { source: 'shared' } });
    expect(first.simulator?.counters().attempts).toBe(1);
  });

  test('promise 75: a second run on the same table with another Fegora serves no token of the first', async () => {
    const table = await startTable('fegora-tokens');
    ended.push(table.close);
    const first = await run({ AWS_ENDPOINT_URL_DYNAMODB: table.url });
    const { body } = await first.call();
    const second = await run({ AWS_ENDPOINT_URL_DYNAMODB: table.url });
    expect(JSON.stringify(await second.call())).not.toContain(String(body.access_token));
  });
});
