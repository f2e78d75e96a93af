// The commands `accounts add`, `list` and `remove`, against the local gateway.
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { listen, readBody } from '../../../local/loopback.ts';
import { type CommandLine, type CommandResult, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { type SkippingClock, skippingClock } from '../../support/skipping-clock.ts';
import { passwordOf, secretOf } from '../../support/test-system.ts';

const tag = ['fegora-token-broker', 'local'] as const;

let line: CommandLine;
let clock: SkippingClock;
let system: GatewaySystem;

beforeAll(async () => {
  line = await createCommandLine();
});
afterAll(() => line.close());
beforeEach(async () => {
  clock = skippingClock();
  system = await startOpen();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await system.close();
});

function startOpen(listed: Readonly<Record<string, string>> = { main: 'fegora/main' }): Promise<GatewaySystem> {
  return startGatewaySystem({
    accounts: ['main'],
    env: {
      FEGORA_OPEN_ACCOUNTS: '1',
      FEGORA_SECRET_PREFIX: 'fegora/',
      FEGORA_ACCOUNTS: JSON.stringify(listed),
    },
    secrets: { mayRead: ({ name, tags }) => name === 'fegora/main' || tags.get(tag[0]) === tag[1] },
    fegora: { accounts: Object.fromEntries(['main', 'tienda-1'].map((user) => [`user-${user}`, passwordOf(user)])) },
    handlerOptions: { clock, random: Math.random },
  });
}

/** Runs a command of an operator. `typed` are the answers at a terminal. */
function accounts(args: string, typed?: readonly string[]): Promise<CommandResult> {
  const { gateway, servers, callers } = system;
  const target = ['--endpoint', gateway.url, '--secrets-endpoint', servers.secrets.url];
  return line.run(['accounts', ...args.split(' '), ...target], { keys: callers.operator, ...(typed && { typed }) });
}

const addTienda = () => accounts('add tienda-1', ['user-tienda-1', passwordOf('tienda-1')]);

async function codeOf(account: string): Promise<unknown> {
  const { status, body } = await system.entryPoints.http({ account });
  return status === 200 ? status : body.error;
}

describe('accounts add', () => {
  test('makes an account that callers get tokens of, with no deployment', async () => {
    expect(await codeOf('tienda-1')).toBe('unknown_account');
    const { code, out } = await addTienda();

    expect(out).toEqual([
      expect.stringMatching(/^tienda-1: stored as version /),
      expect.stringMatching(/^tienda-1: Fegora takes them \(token valid until /),
    ]);
    expect(code).toBe(0);
    expect(await codeOf('tienda-1')).toBe(200);
    expect(system.servers.fegora.counters().logins).toBe(1);
  });

  test('stores nothing when the id is taken, malformed, or the name of a secret without the tag', async () => {
    const { secrets } = system.servers;
    secrets.create('fegora/notes', secretOf('main'));
    await addTienda();
    const results = [];
    for (const id of ['main', 'Tienda', 'notes', 'tienda-1']) {
      results.push(await accounts(`add ${id}`, ['user-main', passwordOf('main')]));
    }

    expect(results.map(({ code, err }) => [code, err.at(-1)])).toEqual([
      [1, expect.stringContaining('does not have the tag fegora-token-broker = local')],
      [2, expect.stringContaining('"Tienda" is not an account id')],
      [1, expect.stringContaining('does not have the tag fegora-token-broker = local')],
      [1, expect.stringContaining('`credentials set tienda-1` stores other credentials')],
    ]);
    expect(secrets.calls('PutSecretValue')).toBe(1);
  });

  test('goes on where an earlier one was interrupted', async () => {
    system.servers.secrets.tag(system.servers.secrets.create('fegora/tienda-1'), ...tag);

    expect((await addTienda()).code).toBe(0);
    expect(await codeOf('tienda-1')).toBe(200);
  });

  test('says how to go on when an earlier one was interrupted before the account was resumed', async () => {
    await addTienda();
    await system.entryPoints.admin({ action: 'pause', account: 'tienda-1' });

    expect((await addTienda()).err.at(-1)).toMatch(/exists already.*It is paused: `resume tienda-1` ends that/);
  });

  test('says that Fegora refuses the credentials', async () => {
    const { code, err } = await accounts('add tienda-1', ['user-tienda-1', 'not-a-real-password-of-today']);

    expect([code, err.at(-1)]).toEqual([1, expect.stringContaining('credentials_rejected')]);
  });
});

describe('a secret with the tag whose id the settings list, with another secret', () => {
  beforeEach(async () => {
    await system.close();
    system = await startOpen({ main: 'fegora/other', twin: 'fegora/main' });
    expect(await codeOf('twin')).toBe(200);
  });

  const create = (value?: string) => {
    const { secrets } = system.servers;
    secrets.tag(secrets.create('fegora/twin', value), ...tag);
  };

  test('is not removed when a listed account has it by another id', async () => {
    await system.close();
    system = await startOpen({ main: 'fegora/tienda-1' });
    system.servers.secrets.tag(system.servers.secrets.create('fegora/tienda-1', secretOf('main')), ...tag);

    expect(await accounts('remove tienda-1 --yes')).toMatchObject({
      code: 1,
      err: [expect.stringContaining('Perhaps an account in the settings of the stack has the secret fegora/tienda-1')],
    });
    expect(await codeOf('main')).toBe(200);
  });

  test('is not removed, because the listed account would be stopped', async () => {
    create(secretOf('tienda-1'));
    const { code, err } = await accounts('remove twin --yes');

    expect([code, err.at(-1)]).toEqual([
      1,
      expect.stringContaining('nothing was done; twin is listed in the settings'),
    ]);
    expect((await accounts('list')).out).toEqual(['twin']);
    const { accounts: states } = await system.entryPoints.admin({ action: 'status', account: 'twin' });
    expect(states).toMatchObject([{ paused: false }]);
  });

  test.each([
    ['was removed', secretOf('tienda-1'), true],
    ['has no value', undefined, false],
  ])('is not added again when it %s', async (_, value, isRemoved) => {
    create(value);
    if (isRemoved) {
      system.servers.secrets.remove('fegora/twin');
    }
    await system.entryPoints.admin({ action: 'pause', account: 'twin' });
    const { code, err } = await accounts('add twin', ['user-tienda-1', passwordOf('tienda-1')]);

    expect(code).toBe(1);
    expect(err.at(-1)).toMatch(/listed in the settings/);
    expect(system.servers.secrets.calls('RestoreSecret') + system.servers.secrets.calls('PutSecretValue')).toBe(0);
    const { accounts: states } = await system.entryPoints.admin({ action: 'status', account: 'twin' });
    expect(states).toMatchObject([{ paused: true }]);
  });
});

describe('accounts add with the outputs of a stack', () => {
  const policy = { Version: '2012-10-17', Statement: [{ Sid: 'ReadingForTheBrokerAlone', Effect: 'Deny' }] };
  const settings = {
    prefix: 'fegora/',
    keyArn: 'arn:aws:kms:us-east-1:000000000000:key/1',
    tag: { key: tag[0], value: tag[1] },
    policy,
  };

  test('gives the secret its key and its tag as it is made, then its policy, and only then its value', async () => {
    const sent: { readonly operation: string; readonly input: object }[] = [];
    const proxy = await listen(
      createServer(async (incoming, outgoing) => {
        const body = String(await readBody(incoming, 100_000));
        sent.push({ operation: String(incoming.headers['x-amz-target']).split('.')[1] ?? '', input: JSON.parse(body) });
        const headers = { 'x-amz-target': String(incoming.headers['x-amz-target']) };
        const answer = await fetch(system.servers.secrets.url, { method: 'POST', headers, body });
        outgoing.writeHead(answer.status).end(await answer.text());
      }),
    );
    onTestFinished(proxy.close);
    const outputs = await line.write(
      'open-outputs.json',
      JSON.stringify({
        Broker: {
          Url: 'https://a.execute-api.us-east-1.amazonaws.com/v1/',
          FunctionName: 'fegora-token-broker',
          OpenAccounts: JSON.stringify(settings),
        },
      }),
    );
    const args = ['accounts', 'add', 'tienda-1', '--outputs', outputs, '--secrets-endpoint', proxy.url];
    const { code, err } = await line.run([...args, '--region', 'us-east-1'], {
      keys: system.callers.operator,
      typed: ['user-tienda-1', passwordOf('tienda-1')],
      env: { AWS_ENDPOINT_URL_LAMBDA: system.gateway.url },
    });

    expect([code, err.at(-1)]).toEqual([0, expect.stringContaining('stored in')]);
    expect(sent).toEqual([
      { operation: 'DescribeSecret', input: { SecretId: 'fegora/tienda-1' } },
      {
        operation: 'CreateSecret',
        input: {
          Name: 'fegora/tienda-1',
          Description: expect.stringContaining('tienda-1'),
          KmsKeyId: settings.keyArn,
          Tags: [{ Key: tag[0], Value: tag[1] }],
          ClientRequestToken: expect.any(String),
        },
      },
      {
        operation: 'PutResourcePolicy',
        input: { SecretId: 'fegora/tienda-1', ResourcePolicy: JSON.stringify(policy), BlockPublicPolicy: true },
      },
      {
        operation: 'PutSecretValue',
        input: {
          SecretId: 'fegora/tienda-1',
          SecretString: expect.any(String),
          ClientRequestToken: expect.any(String),
        },
      },
    ]);
  });

  test('credentials set stores in the secret of the open account when a listed one has the same id but for hyphens', async () => {
    const { secrets } = system.servers;
    secrets.tag(secrets.create('fegora/ma-in', secretOf('tienda-1')), ...tag);
    const outputs = await line.write(
      'same-outputs.json',
      JSON.stringify({
        Broker: {
          Url: 'https://a.execute-api.us-east-1.amazonaws.com/v1/',
          FunctionName: 'fegora-token-broker',
          Secretmain: 'fegora/main',
          OpenAccounts: JSON.stringify(settings),
        },
      }),
    );
    const secretOfSet = async (account: string) => {
      const credentials = ['credentials', 'set', account, '--username', 'user-main', '--no-verify', '--output', 'json'];
      const target = ['--region', 'us-east-1', '--outputs', outputs, '--secrets-endpoint', secrets.url];
      const { out } = await line.run([...credentials, ...target], {
        keys: system.callers.operator,
        typed: [passwordOf('main')],
        env: { AWS_ENDPOINT_URL_LAMBDA: system.gateway.url },
      });
      return JSON.parse(out.join('')).secret_id;
    };

    expect([await secretOfSet('ma-in'), await secretOfSet('main')]).toEqual(['fegora/ma-in', 'fegora/main']);
  });

  test('says what to do when the outputs do not say that accounts are open', async () => {
    const outputs = await line.write(
      'closed-outputs.json',
      JSON.stringify({ Broker: { FunctionName: 'f', Url: 'https://a.execute-api.us-east-1.amazonaws.com/v1/' } }),
    );
    const { code, err } = await line.run(['accounts', 'list', '--outputs', outputs], { keys: system.callers.operator });

    expect([code, err.at(-1)]).toEqual([2, expect.stringContaining('set "openAccounts": true, deploy')]);
  });
});

test('accounts add says what to check when the broker does not find the new account', async () => {
  const closed = await startGatewaySystem({ accounts: ['main'] });
  onTestFinished(closed.close);
  const { gateway, servers, callers } = closed;
  const target = ['--endpoint', gateway.url, '--secrets-endpoint', servers.secrets.url];
  const typed = ['user-tienda-1', passwordOf('tienda-1')];
  const { code, err } = await line.run(['accounts', 'add', 'tienda-1', ...target], { keys: callers.operator, typed });

  expect([code, err.at(-1)]).toEqual([6, expect.stringContaining('check that accounts are open in the settings')]);
});

describe('the other commands', () => {
  const run = (args: string, typed?: readonly string[]) => {
    const { gateway, servers, callers } = system;
    const target = ['--endpoint', gateway.url, '--secrets-endpoint', servers.secrets.url];
    return line.run([...args.split(' '), ...target], { keys: callers.operator, ...(typed && { typed }) });
  };

  test('status shows the listed accounts and then the others, a table for each page, and no account that was removed', async () => {
    const { secrets } = system.servers;
    for (let index = 0; index < 103; index += 1) {
      secrets.tag(secrets.create(`fegora/t-${index}`, secretOf('main')), ...tag);
    }
    secrets.remove('fegora/t-0');
    const { code, out } = await run('status');
    const rows = out.filter((one) => /^(main|t-\d+) /.test(one)).map((one) => one.split(' ')[0]);

    expect(code).toBe(0);
    expect(rows).toEqual(['main', ...Array.from({ length: 102 }, (_, index) => `t-${index + 1}`)]);
    expect(out.filter((one) => one.startsWith('account '))).toHaveLength(3);
    const { accounts: all } = JSON.parse((await run('status --output json')).out.join(''));
    expect(all.map(({ account, open }: { account: string; open?: true }) => [account, open])).toEqual(
      rows.map((account) => [account, account === 'main' ? undefined : true]),
    );
  });

  test('status, doctor and credentials set know an account that was added', async () => {
    await addTienda();
    expect((await run('status tienda-1')).out.join('\n')).toMatch(/^tienda-1 +ok/m);
    const { out } = await run('doctor tienda-1');
    expect(out.join('\n')).toMatch(/^ok +alias tienda-1 +an open account has no alias; the API serves it$/m);
    expect((await run('doctor tienda-9')).out.join('\n')).toMatch(/^wrong +state tienda-9/m);
    clock.skip(61_000);
    const set = await run('credentials set tienda-1 --username user-tienda-1 --verify', [passwordOf('tienda-1')]);
    expect([set.code, set.out.at(-1)]).toEqual([0, expect.stringMatching(/^tienda-1: Fegora takes them/)]);
  });
});

test('credentials set stores nothing in the secret of an open account that has no policy yet, or was removed', async () => {
  const { gateway, servers, callers } = system;
  const { secrets } = servers;
  const set = (account: string) =>
    line.run(
      ['credentials', 'set', account, '--no-verify', '--endpoint', gateway.url, '--secrets-endpoint', secrets.url],
      { keys: callers.operator, typed: ['user-tienda-1', passwordOf('tienda-1')] },
    );
  secrets.tag(secrets.create('fegora/half-made'), ...tag);
  await addTienda();
  await accounts('remove tienda-1 --yes');
  const stored = secrets.calls('PutSecretValue');
  const results = [await set('half-made'), await set('tienda-1')];

  expect(results.map(({ code, err }) => [code, err.at(-1)])).toEqual([
    [1, expect.stringContaining('`accounts add half-made` goes on')],
    [1, expect.stringContaining('`accounts add tienda-1` brings it back')],
  ]);
  expect(secrets.calls('PutSecretValue')).toBe(stored);
});

test('status tells a secret without a value from one that is gone, also of an id that was unknown a moment ago', async () => {
  const { gateway, servers, callers } = system;
  expect(await codeOf('half-made')).toBe('unknown_account');
  servers.secrets.tag(servers.secrets.create('fegora/half-made'), ...tag);
  const target = ['--endpoint', gateway.url, '--secrets-endpoint', servers.secrets.url];
  const { out } = await line.run(['status', ...target], { keys: callers.operator });

  expect(out.join('\n')).toMatch(/^half-made +no value .*\n.*run `accounts add` again/m);
});

describe('accounts list', () => {
  test('lists those that were added, in pages, and no other secret', async () => {
    const { secrets } = system.servers;
    const ids = Array.from({ length: 130 }, (_, index) => `t-${index}`);
    for (const id of ids) {
      secrets.tag(secrets.create(`fegora/${id}`, secretOf('main')), ...tag);
    }
    secrets.tag(secrets.create('fegora/other'), tag[0], 'local-2');
    secrets.tag(secrets.create('fegora/below/one'), ...tag);
    secrets.remove('fegora/t-0');
    const { code, out } = await accounts('list');

    expect(code).toBe(0);
    expect(out).toEqual([expect.stringMatching(/^t-0 \(removed 20.*Z\)$/), ...ids.slice(1)]);
    expect(secrets.calls('ListSecrets')).toBe(2);
  });

  test('says that there is none, and prints a document for a script', async () => {
    expect(await accounts('list')).toMatchObject({ code: 0, out: [], err: [expect.stringContaining('no account')] });
    await addTienda();
    const { out } = await accounts('list --output json');
    expect(JSON.parse(out.join(''))).toEqual({ accounts: [{ account: 'tienda-1', added: expect.any(String) }] });
  });
});

describe('accounts remove', () => {
  beforeEach(async () => {
    await addTienda();
    clock.skip(61_000);
  });

  test('stops the account at once, and its secret can be restored for 30 days', async () => {
    const { code, out } = await accounts('remove tienda-1', ['y']);

    expect([code, out]).toEqual([
      0,
      [expect.stringMatching(/^tienda-1: removed; its secret can be restored until 20/)],
    ]);
    expect(await codeOf('tienda-1')).toBe('unknown_account');
    expect((await accounts('list')).out).toEqual([expect.stringMatching(/^tienda-1 \(removed /)]);
  });

  test('is undone by another add', async () => {
    await accounts('remove tienda-1 --yes');
    expect(await codeOf('tienda-1')).toBe('unknown_account');

    expect((await addTienda()).code).toBe(0);
    expect(await codeOf('tienda-1')).toBe(200);
  });

  test('promise 74: frees the Fegora user for another account at once', async () => {
    await accounts('remove tienda-1 --yes');
    clock.skip(1000);
    const { code, out } = await accounts('add tienda-2', ['user-tienda-1', passwordOf('tienda-1')]);

    expect([code, out.at(-1)]).toEqual([0, expect.stringContaining('tienda-2: Fegora takes them')]);
  });

  test('leaves nothing that could be resumed, and status says what brings it back', async () => {
    const { gateway, callers } = system;
    await accounts('remove tienda-1 --yes');
    const run = (args: string) => line.run([...args.split(' '), '--endpoint', gateway.url], { keys: callers.operator });

    expect((await run('status tienda-1')).out.join('\n')).toMatch(
      /^tienda-1 +removed .*\n.*`accounts add` brings it back/m,
    );
    expect(await run('resume tienda-1')).toMatchObject({ code: 5, err: [expect.stringContaining('unknown_account')] });
    expect(await codeOf('tienda-1')).toBe('unknown_account');
  });

  test('does nothing without a yes, of a listed account, or twice', async () => {
    const refused = [
      await accounts('remove tienda-1', ['']),
      await accounts('remove tienda-1'),
      await accounts('remove main --yes'),
      await accounts('remove tienda-2 --yes'),
    ];
    expect(refused.map(({ code }) => code)).toEqual([1, 2, 1, 5]);
    expect(await codeOf('tienda-1')).toBe(200);
    await accounts('remove tienda-1 --yes');
    expect(await accounts('remove tienda-1 --yes')).toMatchObject({
      code: 1,
      err: [expect.stringContaining('already')],
    });
  });
});
