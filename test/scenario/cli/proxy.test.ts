// Tests the command line behind a proxy: both its own calls and those of the SDK, also for keys.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { startConnectProxy, startTlsHosts } from '../../support/client/connect-proxy.ts';

const lambda = 'lambda.us-east-1.amazonaws.com';
const secrets = 'secretsmanager.us-east-1.amazonaws.com';
const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:fegora/one';
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-real-key' };
let commands: CommandLine;
let aws: LoopbackServer;
let received: string[];

beforeAll(async () => {
  commands = await createCommandLine();
  // What Lambda and Secrets Manager answer to the calls of the test. The servers of the local run take no foreign Host.
  aws = await serve(async (request, response) => {
    const { host, 'x-amz-target': target = request.url } = request.headers;
    received.push(`${host} ${target}`);
    response.end(JSON.stringify({ accounts: [{ account: 'one' }], ARN: arn, VersionId: 'v1' }));
  });
});
beforeEach(() => {
  received = [];
});
afterAll(() => Promise.all([commands.close(), aws.close()]));

/** Starts the only proxy that can reach AWS, and returns it with the environment of a command. */
async function start() {
  const port = Number(new URL(aws.url).port);
  const ports = await startTlsHosts({ [lambda]: port, [secrets]: port });
  const proxy = await startConnectProxy((host) => ports.get(host) ?? '403 Forbidden');
  return { ...proxy, env: { AWS_REGION: 'us-east-1', HTTPS_PROXY: proxy.url, NO_PROXY: '' } };
}

test('the command line reaches Lambda and Secrets Manager through the proxy', async () => {
  const { env, hosts } = await start();
  const args = ['credentials', 'set', 'one', '--secret-id', 'fegora/one', '--function-name', 'broker'];
  const { err } = await commands.run(args, { keys, env, typed: ['user-one', 'not-a-real-password', 'n'] });

  expect(err).toContain(`broker: stored in AWS account 000000000000, us-east-1, through https://${secrets}`);
  expect(received).toContain(`${secrets} secretsmanager.PutSecretValue`);
  expect(received).toContain(`${lambda} /2015-03-31/functions/broker/invocations?Qualifier=admin`);
  expect(new Set(hosts)).toEqual(new Set([`${lambda}:443`, `${secrets}:443`]));
});

test('the command line asks for keys of SSO through the proxy', async () => {
  const { env, hosts } = await start();
  const session = '[sso-session s]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n';
  const profile =
    '[profile p]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = Operator\nregion = us-east-1\n';
  const AWS_CONFIG_FILE = await commands.write('sso-config', session + profile);
  const cache = join(dirname(AWS_CONFIG_FILE), '.aws/sso/cache');
  await mkdir(cache, { recursive: true });
  const token = { accessToken: 'not-a-real-token', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  // The SHA-1 of the session's name.
  await writeFile(join(cache, 'a0f1490a20d0211c997b44bc357e1972deab8ae3.json'), JSON.stringify(token));
  const result = await commands.run(['status', '--function-name', 'f', '--profile', 'p'], {
    env: { ...env, AWS_CONFIG_FILE },
  });

  expect(result.code).not.toBe(0);
  expect(hosts).toContain('portal.sso.us-east-1.amazonaws.com:443');
});

describe.each([
  ['token', ['token', 'one', '--function-name', 'broker']],
  ['status', ['status', '--function-name', 'broker']],
  ['credentials set', ['credentials', 'set', 'one', '--secret-id', 'fegora/one', '--function-name', 'broker']],
])('promise 62: `%s` names the proxy', (_, args) => {
  async function errorsWith(url: string): Promise<string> {
    const HTTPS_PROXY = url.replace('://', '://user:not-a-real-password@');
    const env = { AWS_REGION: 'us-east-1', HTTPS_PROXY, NO_PROXY: '' };
    const { code, err } = await commands.run(args, { keys, env, typed: ['user-one', 'not-a-real-password', 'n'] });
    expect(code).toBe(6);
    expect(err.join()).not.toContain('not-a-real-password');
    return err.join();
  }

  test('that refuses', async () => {
    const { url } = await startConnectProxy(() => '407 Proxy Authentication Required');
    const text = `The proxy ${new URL(url).host}, which HTTPS_PROXY names, refused with status 407. Correct the user`;

    expect(await errorsWith(url)).toContain(text);
  });

  test('that does not listen', async () => {
    const text = 'The proxy 127.0.0.1:1, which HTTPS_PROXY names, cannot be reached (ECONNREFUSED)';

    expect(await errorsWith('http://127.0.0.1:1')).toContain(text);
  });
});

test('promise 62: doctor names the proxy in every row that needs it', async () => {
  const env = { AWS_REGION: 'us-east-1', HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '' };
  const { out } = await commands.run(['doctor', 'one', '--function-name', 'broker', '--output', 'json'], { keys, env });
  const { checks } = JSON.parse(out.join('')) as { checks: readonly { check: string; text: string }[] };

  const named = checks.filter(({ text }) => text.includes('127.0.0.1:1, which HTTPS_PROXY names'));
  expect(named.map(({ check }) => check)).toEqual(['identity', 'admin', 'alias one']);
});
