// Tests that signed requests and passwords of the command line go to AWS, to loopback, or where the operator says.
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-real-key' };
const password = 'not-a-real-password';
let commands: CommandLine;
let system: GatewaySystem;
let stranger: LoopbackServer;
/** The stranger by an address that is not one of loopback by its name, although it leads there. */
let foreign: string;
let received: string[] = [];

beforeAll(async () => {
  commands = await createCommandLine();
  system = await startGatewaySystem();
  stranger = await serve((request, response) => {
    received.push(`${request.method} ${request.url}`);
    response.end('{"accounts":[{"account":"one"}],"VersionId":"v1"}');
  });
  foreign = stranger.url.replace('127.0.0.1', '[::ffff:127.0.0.1]');
});
beforeEach(() => {
  received = [];
});
afterAll(() => Promise.all([commands.close(), system.close(), stranger.close()]));

const region = { AWS_REGION: 'us-east-1' };
const set = ['credentials', 'set', 'one', '--secret-id', 's', '--function-name', 'f'];

describe('promise 57: nothing is sent over http to another machine', () => {
  test.each([
    ['AWS_ENDPOINT_URL', set],
    ['AWS_ENDPOINT_URL', ['status', '--function-name', 'f']],
    ['AWS_ENDPOINT_URL_SECRETS_MANAGER', set],
    ['AWS_ENDPOINT_URL_LAMBDA', ['pause', 'one', '--function-name', 'f']],
    ['AWS_ENDPOINT_URL_LAMBDA', ['token', 'one', '--function-name', 'f']],
    ['AWS_ENDPOINT_URL_STS', ['status', '--function-name', 'f']],
    ['AWS_ENDPOINT_URL_SSO_OIDC', ['status', '--function-name', 'f']],
  ])('that %s names, by %j', async (name, args) => {
    const env = { ...region, [name]: foreign };
    const result = await commands.run(args, { keys, env, typed: ['user-one', password, 'n'] });

    const { origin } = new URL(foreign);
    const text = `broker: nothing was sent: ${origin} (${name}) can be read on the network; use https, or unset ${name}`;
    expect(result).toEqual({ code: 2, out: [], err: [text] });
    expect(received).toEqual([]);
  });

  test.each([
    ['--endpoint', ['token', 'one']],
    ['--endpoint', set],
    ['--secrets-endpoint', set],
  ])('that the option %s names, by %j', async (option, args) => {
    const result = await commands.run([...args, option, foreign], { keys, env: region, typed: ['user-one', password] });

    expect(result).toMatchObject({ code: 2, out: [] });
    expect(result.err).toEqual([expect.stringContaining(`(${option}) can be read on the network`)]);
    expect(received).toEqual([]);
  });

  test('that the profile names', async () => {
    const general = await commands.write('general', `[profile x]\nendpoint_url = ${foreign}\n`);
    const services = `[profile x]\nservices = y\n[services y]\nsecrets_manager =\n  endpoint_url = ${foreign}\n`;
    const ofService = await commands.write('services', services);
    const ofDefault = await commands.write(
      'default',
      `[default]\nendpoint_url = ${foreign}\n[profile x]\nregion = us-east-1\n`,
    );

    for (const AWS_CONFIG_FILE of [general, ofService, ofDefault]) {
      const env = { ...region, AWS_CONFIG_FILE };
      const result = await commands.run([...set, '--profile', 'x'], { keys, env, typed: ['user-one', password] });
      expect(result).toMatchObject({ code: 2, out: [] });
      expect(result.err).toEqual([expect.stringContaining('(endpoint_url of the AWS profile) can be read')]);
    }
    expect(received).toEqual([]);
  });

  test('to an address of this machine that others can reach, either', async () => {
    const [address] = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one?.internal === false && one.family === 'IPv4');
    const env = { ...region, AWS_ENDPOINT_URL: `http://${address?.address ?? '192.0.2.1'}:4566` };
    expect(await commands.run(set, { keys, env })).toMatchObject({ code: 2, out: [] });
  });
});

describe('an address that is empty names none', () => {
  const services = ['', '_SECRETS_MANAGER', '_LAMBDA', '_STS', '_SSO', '_SSO_OIDC', '_SIGNIN'];
  const empty = Object.fromEntries(
    ['AWS_PROFILE', ...services.map((name) => `AWS_ENDPOINT_URL${name}`)].map((name) => [name, '']),
  );

  test.each(Object.keys(empty))('of %s', async (name) => {
    const asOperator = { keys: system.callers.operator, env: { [name]: '' } };
    expect(await commands.run(['status', '--endpoint', system.gateway.url], asOperator)).toMatchObject({ code: 0 });
  });

  test('of every service: the general one counts', async () => {
    const env = { ...region, ...empty, AWS_ENDPOINT_URL: 'https://no-such-host.invalid' };
    const { code, err } = await commands.run(set, { keys, env });
    expect([code, err]).toEqual([2, [expect.stringContaining('(AWS_ENDPOINT_URL) is not an address of AWS’s')]]);
  });

  test('of a profile', async () => {
    const { accessKeyId, secretAccessKey } = system.callers.operator;
    const ofKeys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    const section = 'services = y\nendpoint_url =\n[services y]\nlambda =\n  endpoint_url =\n';
    const env = { ...empty, AWS_CONFIG_FILE: await commands.write('empty', `[profile x]\n${ofKeys}${section}`) };
    const status = ['status', '--endpoint', system.gateway.url, '--profile', 'x'];
    expect(await commands.run(status, { env })).toMatchObject({ code: 0 });
  });

  test('of the local Secrets Manager: nothing is asked and nothing is sent', async () => {
    const line = ['credentials', 'set', 'one', '--endpoint', system.gateway.url];
    const result = await commands.run(line, { keys: system.callers.operator, env: empty, typed: ['u', password, 'n'] });
    expect(result).toMatchObject({ code: 2, err: [expect.stringContaining('the local Secrets Manager is not known')] });
  });
});

describe('promise 62: an address that does not answer', () => {
  const status = ['status', '--function-name', 'f'];
  const nothing = 'broker: 127.0.0.1:1 cannot be reached. Nothing listens on 127.0.0.1:1.';

  test.each([
    ['AWS_ENDPOINT_URL', status],
    ['AWS_ENDPOINT_URL_LAMBDA', status],
    ['AWS_ENDPOINT_URL_SECRETS_MANAGER', [...set, '--no-verify']],
  ])('is told to come from %s, by %j', async (name, args) => {
    const env = { ...region, [name]: 'http://127.0.0.1:1' };
    const { code, err } = await commands.run(args, { keys, env, typed: ['user-one', password] });
    expect([code, err.at(-1)]).toEqual([6, expect.stringContaining(nothing)]);
    expect(err.at(-1)).toMatch(new RegExp(` The address is from ${name}\\.$`));
  });

  test('is told to come from the profile', async () => {
    const ofKeys = '[profile x]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not-a-real-key\n';
    const AWS_CONFIG_FILE = await commands.write('nothing', `${ofKeys}endpoint_url = http://127.0.0.1:1\n`);
    const { err } = await commands.run([...status, '--profile', 'x'], { env: { ...region, AWS_CONFIG_FILE } });
    expect(err).toEqual([expect.stringMatching(/ The address is from endpoint_url of the AWS profile\.$/)]);
  });

  test('is not told to come from anywhere if the operator has named it', async () => {
    const { err } = await commands.run(['status', '--endpoint', 'http://127.0.0.1:1'], { keys, env: region });
    expect(err).toEqual([expect.not.stringContaining('The address is from')]);
  });
});

describe('promise 57: another host than AWS’s', () => {
  const env = { ...region, AWS_ENDPOINT_URL: 'https://no-such-host.invalid' };
  const status = ['status', '--function-name', 'f'];

  test('gets nothing, until the operator names it on the command line', async () => {
    const refused = await commands.run(status, { keys, env });
    const another = await commands.run([...status, '--allow-endpoint', 'https://x.invalid'], { keys, env });
    const allowed = await commands.run([...status, '--allow-endpoint', 'https://no-such-host.invalid'], { keys, env });

    const text = 'broker: nothing was sent: https://no-such-host.invalid (AWS_ENDPOINT_URL) is not an address of AWS’s';
    expect([refused.code, another.code]).toEqual([2, 2]);
    expect([refused.err, another.err].flat()).toEqual([expect.stringContaining(text), expect.stringContaining(text)]);
    expect(allowed).toMatchObject({ code: 6, err: [expect.stringContaining('There is no host no-such-host.invalid')] });
  });

  test('is an API of the operator’s own if --endpoint names it, but not if a file of outputs names it', async () => {
    const outputs = await commands.write('outputs.json', '{"Stack":{"Url":"https://no-such-host.invalid/"}}');
    const named = await commands.run(['token', '--endpoint', 'https://no-such-host.invalid/'], { keys, env: region });
    const found = await commands.run(['token', '--outputs', outputs], { keys, env: region });
    const allowed = ['token', '--outputs', outputs, '--allow-endpoint', 'https://no-such-host.invalid'];

    expect(named).toMatchObject({ code: 6, err: [expect.stringContaining('broker_unreachable')] });
    expect(found).toMatchObject({
      code: 2,
      err: [
        expect.stringContaining('stack Stack'),
        expect.stringContaining('(the Url of the outputs) is not an address'),
      ],
    });
    expect(await commands.run(allowed, { keys, env: region })).toMatchObject({ code: 6 });
  });

  test('is ignored if AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says so, as the SDK ignores it', async () => {
    const ignored = { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    const endpoint = system.gateway.url;
    const result = await commands.run(['status', '--endpoint', endpoint], {
      keys: system.callers.operator,
      env: ignored,
    });
    expect(result.code).toBe(0);
  });
});

describe('promise 59: token and status reach the same Lambda', () => {
  const both = async (more: readonly string[], env: Readonly<Record<string, string>>) => {
    const options = { keys, env: { ...region, ...env } };
    const named = ['--function-name', 'f', ...more];
    const token = await commands.run(['token', 'one', ...named], options);
    const status = await commands.run(['status', ...named], options);
    return { token: [token.code, token.err], status: [status.code, status.err] };
  };
  const unreached = [6, [expect.stringContaining('There is no host no-such-host.invalid')]];

  test('of the profile', async () => {
    const ofKeys = 'aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not-a-real-key\n';
    const profile = `[profile x]\n${ofKeys}endpoint_url = ${stranger.url}\n`;
    await both(['--profile', 'x'], { AWS_CONFIG_FILE: await commands.write('lambda-of-profile', profile) });
    expect(received).toEqual([expect.stringContaining('account-one'), expect.stringContaining('admin')]);
  });

  test('that --allow-endpoint allows', async () => {
    const url = 'https://no-such-host.invalid';
    const reached = await both(['--allow-endpoint', url], { AWS_ENDPOINT_URL_LAMBDA: url });
    expect(reached).toEqual({ token: unreached, status: unreached });
  });

  test('of the region if AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says so', async () => {
    const ignored = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true', AWS_ENDPOINT_URL: stranger.url };
    await both([], { ...ignored, HTTPS_PROXY: 'http://127.0.0.1:1' });
    expect(received).toEqual([]);
  });
});

test('promise 57: nothing is sent while certificates are not checked', async () => {
  const env = { ...region, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const result = await commands.run(set, { keys, env, typed: ['user-one', password] });

  expect(result).toMatchObject({ code: 2, out: [], err: [expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED=0')] });
});

test('promise 57: a command that stored or changed something says in which AWS account, region and by which address', async () => {
  const { url } = system.gateway;
  const secrets = system.servers.secrets.url;
  const options = ['--endpoint', url, '--secrets-endpoint', secrets];
  const asOperator = { keys: system.callers.operator, typed: ['user-one', password, 'n'] };
  const stored = await commands.run(['credentials', 'set', 'one', ...options], asOperator);
  const account = 'AWS account 000000000000, us-east-1, through';

  expect(stored.err).toContain(`broker: stored in ${account} ${secrets}`);
  for (const command of ['pause', 'resume', 'purge', 'revoke', 'clear-rejection']) {
    const { code, err } = await commands.run([command, 'one', ...options], asOperator);
    expect([command, code, err]).toEqual([command, 0, [`broker: done in ${account} ${url}`]]);
  }
});

describe('promise 57: an answer that is not Secrets Manager’s', () => {
  const setAt = async (secrets: LoopbackServer, typed: readonly string[]) => {
    const places = ['--endpoint', system.gateway.url, '--secrets-endpoint', secrets.url, '--username', 'user-one'];
    const options = { keys: system.callers.operator, typed };
    const result = await commands.run(['credentials', 'set', 'one', ...places], options);
    await secrets.close();
    return { ...result, said: `the answer of ${secrets.url} is not from Secrets Manager; check the address, and` };
  };

  test.each(['{}', 'null', '[]', '"VersionId"', '{"VersionId":1}', '{"ARN":"arn:aws:secretsmanager:::secret:s"}'])(
    'does not say that the password is stored: %s',
    async (body) => {
      const { code, out, err, said } = await setAt(await serve((_, response) => response.end(body)), [password, 'n']);

      expect([code, out]).toEqual([1, []]);
      expect(err.slice(1)).toEqual([expect.stringContaining(said)]);
    },
  );

  test('does not say that the previous value is the current one again', async () => {
    const stages = { v0: ['AWSPREVIOUS'], v1: ['AWSCURRENT'] };
    const answers: Readonly<Record<string, object>> = {
      PutSecretValue: { VersionId: 'v1' },
      DescribeSecret: { ARN: 'arn', VersionIdsToStages: stages },
    };
    const secrets = await serve(({ headers }, response) => {
      const operation = String(headers['x-amz-target']).replace('secretsmanager.', '');
      response.end(JSON.stringify(answers[operation] ?? {}));
    });
    system.servers.secrets.put('fegora/one', JSON.stringify({ username: 'user-one', password }));
    const { code, out, err, said } = await setAt(secrets, [password, 'y', 'y']);

    expect([code, out]).toEqual([1, ['one: stored as version v1']]);
    expect(err.at(-2)).toContain(`broker: the previous value cannot be offered: ${said}`);
    expect(err.at(-1)).toContain('broker: credentials_rejected');
  });
});
