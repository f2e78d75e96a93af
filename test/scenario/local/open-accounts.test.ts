// The local run with open accounts: they come and go while it runs.
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createCallDynamo } from '../../../lambda/aws/dynamodb.ts';
import { createTokenTable } from '../../../lambda/aws/token-table.ts';
import { type LocalRun, startLocalRun } from '../../../local/local-run.ts';
import { describeNext } from '../../../local/report.ts';
import { startWarmUps, type WarmUp } from '../../../local/warm-ups.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { signedCall } from '../../support/signed-call.ts';
import { realTime } from '../../support/skipping-clock.ts';

const never = new AbortController().signal;

let run: LocalRun;
let line: CommandLine;

beforeAll(async () => {
  run = await startLocalRun({ env: { FEGORA_OPEN_ACCOUNTS: '1' }, port: 0 });
  line = await createCommandLine();
}, 30_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await line.close();
  await run.close();
});

async function callFor(account: string): Promise<unknown> {
  const { status, body } = await signedCall(`${run.gateway.url}/token/${account}`, run.callers.all);
  return status === 200 ? status : body.error;
}

function accounts(args: string, typed: readonly string[] = []) {
  const target = ['--endpoint', run.gateway.url, '--secrets-endpoint', run.secretsUrl];
  return line.run(['accounts', ...args.split(' '), ...target], { keys: run.callers.operator, typed });
}

test('a secret under the prefix without the tag is of no account, as on AWS', async () => {
  const send = (operation: string, input: object) =>
    fetch(String(run.secretsUrl), {
      method: 'POST',
      headers: { 'x-amz-target': `secretsmanager.${operation}` },
      body: JSON.stringify(input),
    });
  const SecretString = JSON.stringify({ username: 'user-of-tienda-1', password: 'not-a-real-password-of-tienda-1' });
  expect((await send('CreateSecret', { Name: 'fegora/untagged', SecretString })).status).toBe(200);

  expect(await callFor('untagged')).toBe('unknown_account');
});

test('an account is added, called and removed with no restart, and other ids are unknown', async () => {
  expect(describeNext(run)).toContain('accounts add tienda-1 --username user-of-tienda-1');
  expect(await callFor('main')).toBe(200);
  const added = await accounts('add tienda-1 --username user-of-tienda-1', ['not-a-real-password-of-tienda-1']);
  expect(added).toMatchObject({ code: 0 });
  expect((await accounts('list')).out).toEqual(['tienda-1']);
  expect([await callFor('tienda-1'), await callFor('tienda-2')]).toEqual([200, 'unknown_account']);

  expect(await accounts('remove tienda-1 --yes')).toMatchObject({ code: 0 });
  expect([await callFor('tienda-1'), await callFor('main')]).toEqual(['unknown_account', 200]);
}, 30_000);

test('promise 67: a session whose tag names an account that was added gets its token, and is denied another that was added', async () => {
  for (const id of ['tienda-1', 'tienda-2']) {
    const added = await accounts(`add ${id} --username user-of-${id}`, [`not-a-real-password-of-${id}`]);
    expect(added).toMatchObject({ code: 0 });
  }
  const { worker } = run.callers;
  const [{ arn: RoleArn = '', sessionTag: Key = '' } = {}] = worker.roles ?? [];
  const sessionOf = async (Value: string) => {
    const { sessionToken = '', ...keys } = await fromTemporaryCredentials({
      masterCredentials: worker,
      params: { RoleArn, RoleSessionName: 'worker', Tags: [{ Key, Value }] },
      clientConfig: { endpoint: run.gateway.url, region: 'us-east-1' },
    })();
    return { ...keys, sessionToken };
  };
  const statusOf = async (account: string, tag: string) =>
    (await signedCall(`${run.gateway.url}/token/${account}`, await sessionOf(tag))).status;

  expect([await statusOf('tienda-1', 'tienda-1'), await statusOf('tienda-2', 'tienda-1')]).toEqual([200, 403]);
  expect([await statusOf('tienda-2', 'tienda-2'), await statusOf('tienda-3', 'tienda-3')]).toEqual([200, 404]);
}, 30_000);

test('promise 64: an open account that a caller asked for is found by the tick, and comes by the queue to its warm-up', async () => {
  await accounts('add tienda-1 --username user-of-tienda-1', ['not-a-real-password-of-tienda-1']);
  expect(await callFor('tienda-1')).toBe(200);
  const keys = () => ({ accessKeyId: 'local', secretAccessKey: 'not-a-real-key' });
  const call = createCallDynamo({ region: 'us-east-1', endpoint: run.tableUrl, keys }, realTime);
  const table = createTokenTable(call, run.settings.config.tableName, () => {});
  const dueAt = async () => (await table.read('tienda-1', never)).item.dueAt ?? 0;
  expect(await dueAt()).toBeGreaterThan(Date.now());
  expect(await table.write('tienda-1', { kind: 'note', dueAt: 1 }, never)).toBe(true);

  const warmUps: WarmUp[] = [];
  const stop = startWarmUps(run, (warmUp) => warmUps.push(warmUp), 20);
  await expect
    .poll(() => warmUps, { timeout: 20_000 })
    .toContainEqual(expect.objectContaining({ account: 'tienda-1', outcome: 'in use' }));
  stop();
  expect(await dueAt()).toBeGreaterThan(Date.now());
}, 30_000);
