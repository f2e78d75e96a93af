// Accounts that exist as soon as there is a secret of their name with the tag of the broker, against local servers.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Environment } from '../../../lambda/config.ts';
import type { LoopbackServer } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { tableDatedBy } from '../../support/client/gateway-system.ts';
import { labelUpdated } from '../../support/events/events.ts';
import { type SkippingClock, skippingClock } from '../../support/skipping-clock.ts';
import { type EntryPoints, passwordOf, secretOf, startTestSystem, type TestSystem } from '../../support/test-system.ts';

const tag = ['fegora-token-broker', 'test-stack'] as const;
const open: Environment = { FEGORA_OPEN_ACCOUNTS: '1', FEGORA_SECRET_PREFIX: 'fegora/' };

let clock: SkippingClock;
let system: TestSystem;
let broker: EntryPoints;
let output: Capture;
/** The table, by the clock that skips. */
let table: LoopbackServer;

/** Starts one more execution environment. */
function environment(env: Environment = {}): EntryPoints {
  return system.environment({ AWS_ENDPOINT_URL_DYNAMODB: table.url, ...env });
}

beforeEach(async () => {
  clock = skippingClock();
  output = captureOutput();
  system = await startTestSystem({
    accounts: ['main'],
    env: open,
    secrets: { mayRead: ({ name, tags }) => name === 'fegora/main' || tags.get(tag[0]) === tag[1] },
    fegora: {
      accounts: { 'user-main': passwordOf('main'), 'user-tienda-1': passwordOf('tienda-1') },
    },
    handlerOptions: { clock, random: Math.random },
  });
  table = await tableDatedBy(system.tableUrl, clock.now);
  broker = environment();
});
afterEach(async () => {
  output.stop();
  await table.close();
  await system.close();
});

const reads = () => system.secrets.calls('GetSecretValue');
const logins = () => system.fegora.counters().logins;

/** Makes an account as `accounts add` does. Returns the ARN of its secret. */
function add(account: string, user = 'tienda-1'): string {
  const arn = system.secrets.create(`fegora/${account}`, secretOf(user));
  system.secrets.tag(arn, ...tag);
  return arn;
}

/** Stops an account as `accounts remove` does. */
async function remove(account: string): Promise<void> {
  for (const action of ['pause', 'purge']) {
    await broker.admin({ action, account });
  }
  system.secrets.remove(`fegora/${account}`);
  await broker.admin({ action: 'status', account });
}

async function codeOf(account: string, on = broker): Promise<unknown> {
  const { status, body } = await on.http({ account });
  return status === 200 ? body.source : body.error;
}

describe('an open account', () => {
  test('is served with no other setting, and by every environment with one login', async () => {
    add('tienda-1');

    expect(await codeOf('tienda-1')).toBe('upstream');
    expect(await codeOf('tienda-1', environment())).toBe('shared');
    expect(logins()).toBe(1);
  });

  test('is unknown while accounts are not open', async () => {
    add('tienda-1');

    expect(await codeOf('tienda-1', environment({ FEGORA_OPEN_ACCOUNTS: undefined }))).toBe('unknown_account');
    expect(reads()).toBe(0);
  });

  test('has no metric of its own, and a listed one has', async () => {
    add('tienda-1');
    await broker.http({ account: 'tienda-1' });
    await broker.http({ account: 'main' });
    await broker.http({ account: 'tienda-2' });

    const records = output.records().filter(({ audit }) => audit !== undefined);
    const byAccount = records.filter((record) => JSON.stringify(record._aws).includes('"account"'));
    expect(records.map(({ account }) => account)).toEqual(['tienda-1', 'main', 'tienda-2']);
    expect(byAccount.map(({ account }) => account)).toEqual(['main']);
  });

  test('has a metric of its own when the setting says so, and an unknown id has none', async () => {
    add('tienda-1');
    const measuring = environment({ FEGORA_OPEN_ACCOUNTS: 'with-metrics' });
    await measuring.http({ account: 'tienda-1' });
    await measuring.http({ account: 'tienda-2' });

    const measured = output.records().filter((record) => JSON.stringify(record._aws ?? '').includes('"account"'));
    expect(measured).toMatchObject([{ audit: 'issue', account: 'tienda-1' }]);
  });

  test('promise 65: an unknown id makes no metric of its own either while Secrets Manager or the table is unavailable', async () => {
    const measuring = environment({ FEGORA_OPEN_ACCOUNTS: 'with-metrics' });
    system.secrets.breakWith('throttled');
    expect(await codeOf('tienda-9', measuring)).toBe('secret_unavailable');
    const tableless = { FEGORA_OPEN_ACCOUNTS: 'with-metrics', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' };
    expect(await codeOf('tienda-9', environment(tableless))).toBe('table_unavailable');

    const records = output.records().filter(({ audit }) => audit === 'failure');
    expect(records).toMatchObject([{ account: 'tienda-9' }, { account: 'tienda-9' }]);
    expect(records.map((record) => JSON.stringify(record._aws).includes('"account"'))).toEqual([false, false]);
  });

  test('is tried at once when EventBridge tells of its secret, and no other secret under the prefix is', async () => {
    const tagged = { name: 'fegora/tienda-1', arn: add('tienda-1') };
    const untagged = { name: 'fegora/notes', arn: system.secrets.create('fegora/notes', secretOf('main')) };

    expect(await broker.warmup(labelUpdated(tagged))).toMatchObject({
      results: [{ account: 'tienda-1', outcome: 'renewed' }],
    });
    expect(await broker.warmup(labelUpdated(untagged))).toMatchObject({
      results: [{ account: 'notes', outcome: 'skipped' }],
    });
    const elsewhere = {
      name: 'other/tienda-1',
      arn: 'arn:aws:secretsmanager:us-east-1:0:secret:other/tienda-1-AbCdEf',
    };
    expect(await broker.warmup(labelUpdated(elsewhere))).toEqual({ results: [] });
    expect(logins()).toBe(1);
  });
});

test.each([
  ['its name', (arn: string) => arn.replace(/.*:secret:(.*)-.{6}$/, '$1')],
  ['its ARN', (arn: string) => arn],
])(
  'promise 67: a secret under the prefix that a listed account has, by %s, is no open account too',
  async (_, idOf) => {
    const arn = add('tienda-1', 'main');
    const listing = environment({ FEGORA_ACCOUNTS: JSON.stringify({ main: idOf(arn) }) });

    expect(await codeOf('tienda-1', listing)).toBe('unknown_account');
    expect([reads(), logins()]).toEqual([0, 0]);
    expect(await codeOf('main', listing)).toBe('upstream');
  },
);

describe('promise 65: an unknown open account', () => {
  test.each([
    ['no secret has its name', () => {}],
    ['a secret of its name has not the tag', () => void system.secrets.create('fegora/tienda-9', secretOf('main'))],
    [
      'a secret of its name has the tag of another broker',
      () => system.secrets.tag(system.secrets.create('fegora/tienda-9', secretOf('main')), tag[0], 'another'),
    ],
  ])('costs one read of a secret a minute and environment when %s', async (_, prepare) => {
    prepare();
    const other = environment();
    for (let call = 0; call < 20; call += 1) {
      expect([await codeOf('tienda-9'), await codeOf('tienda-9', other)]).toEqual([
        'unknown_account',
        'unknown_account',
      ]);
    }
    expect(reads()).toBe(2);
    clock.skip(60_000);
    expect([await codeOf('tienda-9'), await codeOf('tienda-9')]).toEqual(['unknown_account', 'unknown_account']);

    expect(reads()).toBe(3);
    expect(logins()).toBe(0);
  });

  test('opens no connection to Fegora', async () => {
    let connections = 0;
    const trap = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await once(trap.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void trap.close());
    const { port } = Object(trap.address());
    const away = environment({ FEGORA_TOKEN_URL: `http://127.0.0.1:${port}/token` });

    expect(await codeOf('tienda-9', away)).toBe('unknown_account');
    expect(connections).toBe(0);
    add('tienda-9');
    clock.skip(60_000);
    expect(await codeOf('tienda-9', away)).toMatch(/^upstream_/);
    expect(connections).toBeGreaterThan(0);
  });

  test('is counted as a denial of its caller', async () => {
    await broker.http({ account: 'tienda-9' });

    expect(output.records().filter(({ audit }) => audit !== undefined)).toMatchObject([
      { audit: 'denial', code: 'unknown_account', account: 'tienda-9', Denied: 1 },
    ]);
  });

  test('is served once its secret is there and was verified, and elsewhere within a minute', async () => {
    const other = environment();
    expect([await codeOf('tienda-1'), await codeOf('tienda-1', other)]).toEqual(['unknown_account', 'unknown_account']);
    add('tienda-1');

    expect(await broker.admin({ action: 'verify', account: 'tienda-1' })).toMatchObject({ outcome: 'renewed' });
    expect([await codeOf('tienda-1'), await codeOf('tienda-1', other)]).toEqual(['memory', 'shared']);
  });

  test('is not known to operators either, and nothing is stored of it', async () => {
    for (const action of ['status', 'verify', 'pause', 'purge', 'revoke', 'resume', 'clear-rejection']) {
      await expect(broker.admin({ action, account: 'tienda-9' })).rejects.toMatchObject({ name: 'UnknownAccount' });
    }
    add('tienda-9');

    expect(await broker.admin({ action: 'status', account: 'tienda-9' })).toMatchObject({
      accounts: [{ account: 'tienda-9', paused: false, logins_last_day: 0 }],
    });
  });
});

describe('an open account in use that loses its secret without being removed', () => {
  test.each([
    ['its tag', (arn: string) => system.secrets.tag(arn, tag[0], 'another')],
    ['its secret', (arn: string) => system.secrets.remove(arn)],
  ])('is served until its token ends when it loses %s, and is then a fault of the operator', async (_, lose) => {
    const arn = add('tienda-1');
    await broker.http({ account: 'tienda-1' });
    lose(arn);
    expect(await codeOf('tienda-1', environment())).toBe('shared');
    clock.skip(31 * 60_000);

    expect(await codeOf('tienda-1')).toBe('secret_missing');
    expect(output.records().at(-1)).toMatchObject({ audit: 'failure', code: 'secret_missing', OperatorFaults: 1 });
    expect(await broker.admin({ action: 'status', account: 'tienda-1' })).toMatchObject({
      accounts: [{ open: true, secret_error: 'secret_missing' }],
    });
    const before = reads();
    expect([await codeOf('tienda-1'), await codeOf('tienda-1')]).toEqual(['secret_missing', 'secret_missing']);
    expect(reads()).toBe(before);
  });
});

describe('an open account that was removed', () => {
  beforeEach(async () => {
    add('tienda-1');
    await broker.http({ account: 'tienda-1' });
  });

  test('is unknown, and no environment logs in with credentials that it has cached', async () => {
    const other = environment();
    await broker.http({ account: 'tienda-1' });
    await remove('tienda-1');
    expect([await codeOf('tienda-1', other), await codeOf('tienda-1', other)]).toEqual([
      'unknown_account',
      'unknown_account',
    ]);
    clock.skip(16 * 60_000);

    expect(await codeOf('tienda-1')).toBe('unknown_account');
    expect(logins()).toBe(1);
  });

  test('gives its user to another account at once', async () => {
    await remove('tienda-1');
    clock.skip(61_000);
    add('tienda-2');

    expect(await broker.admin({ action: 'verify', account: 'tienda-2' })).toMatchObject({ outcome: 'renewed' });
    expect(logins()).toBe(2);
  });

  test('works again after it was added again and resumed', async () => {
    await remove('tienda-1');
    expect(await codeOf('tienda-1')).toBe('unknown_account');
    clock.skip(61_000);
    const { status } = await fetch(system.secrets.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'secretsmanager.RestoreSecret' },
      body: JSON.stringify({ SecretId: 'fegora/tienda-1' }),
    });
    expect(status).toBe(200);
    await broker.admin({ action: 'resume', account: 'tienda-1' });

    expect(await broker.admin({ action: 'verify', account: 'tienda-1' })).toMatchObject({ outcome: 'renewed' });
  });
});

test('an account that was added again with another user logs in as that one, also where the former credentials are cached', async () => {
  add('tienda-1');
  const other = environment();
  await other.http({ account: 'tienda-1' });
  await remove('tienda-1');
  clock.skip(61_000);
  expect(await codeOf('tienda-1', other)).toBe('paused');
  await fetch(system.secrets.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'secretsmanager.RestoreSecret' },
    body: JSON.stringify({ SecretId: 'fegora/tienda-1' }),
  });
  system.secrets.put('fegora/tienda-1', secretOf('main'));
  await broker.admin({ action: 'resume', account: 'tienda-1' });

  expect(await codeOf('tienda-1', other)).toBe('upstream');
  const { users } = system.fegora.counters();
  expect([users['user-tienda-1']?.logins, users['user-main']?.logins]).toEqual([1, 1]);
});

describe('promise 74: a Fegora user that an open account has', () => {
  beforeEach(async () => {
    add('tienda-1');
    await broker.http({ account: 'tienda-1' });
    add('tienda-2');
    clock.skip(61_000);
  });

  test('stays with it while its secret can be read, with a token and without', async () => {
    expect(await codeOf('tienda-2')).toBe('duplicate_user');
    clock.skip(31 * 60_000);

    expect(await codeOf('tienda-2')).toBe('duplicate_user');
    expect(logins()).toBe(1);
  });

  test('stays with it while a token of it can be served, although its secret is gone', async () => {
    system.secrets.remove('fegora/tienda-1');

    expect(await codeOf('tienda-2')).toBe('duplicate_user');
    clock.skip(31 * 60_000);
    expect(await codeOf('tienda-2')).toBe('upstream');
    expect(logins()).toBe(2);
  });
});

test('promise 74: a Fegora user stays with an open account that has no token yet, also where the account was unknown a moment ago', async () => {
  const other = environment();
  expect(await codeOf('tienda-1', other)).toBe('unknown_account');
  add('tienda-1');
  system.fegora.addFault({ kind: 'answer', status: 503, body: 'down' });
  expect(await codeOf('tienda-1')).toMatch(/^upstream_/);
  clock.skip(20_000);
  add('tienda-2');

  expect(await codeOf('tienda-2', other)).toBe('duplicate_user');
  expect(await codeOf('tienda-1')).toBe('upstream');
});

describe('promise 74: two accounts of one Fegora user that are asked for at the same moment in two environments', () => {
  const user = (name: string) => JSON.stringify({ username: name, password: passwordOf('main') });
  const listed = { FEGORA_ACCOUNTS: '{"main":"fegora/main","second":"fegora/second"}' };

  test.each([
    ['both listed', 'main', 'second', 'user-main'],
    ['both listed, in other letters', 'main', 'second', 'USER-Main'],
    ['both open', 'tienda-1', 'tienda-2', 'user-main'],
    ['both open, in other letters', 'tienda-1', 'tienda-2', 'USER-Main'],
    ['one listed and one open', 'main', 'tienda-1', 'user-main'],
    ['one listed and one open, in other letters', 'main', 'tienda-1', 'USER-Main'],
  ])('%s: one logs in, and the second sends nothing', async (_, one, other, name) => {
    const { secrets, fegora } = system;
    for (const [account, username] of Object.entries({ [one]: 'user-main', [other]: name })) {
      if (account !== 'main') {
        secrets.tag(secrets.create(`fegora/${account}`, user(username)), ...tag);
      }
    }
    const [here, there] = [environment(listed), environment(listed)];
    const codes = await Promise.all([codeOf(one, here), codeOf(other, there)]);

    expect(codes.toSorted()).toEqual(['duplicate_user', 'upstream']);
    expect(await codeOf(one, there)).toBe(codes[0] === 'upstream' ? 'shared' : 'duplicate_user');
    const { logins: sent, otherGrants } = fegora.counters();
    expect([sent, otherGrants]).toEqual([1, 0]);
  });
});
