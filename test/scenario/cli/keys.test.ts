// Tests how the command line gets AWS keys from a profile: the MFA code, the region, and no other keys in their place.
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

const device = 'arn:aws:iam::123456789012:mfa/ana';
let system: GatewaySystem;
let commands: CommandLine;
let sts: LoopbackServer;
let asked: URLSearchParams[] = [];

beforeAll(async () => {
  system = await startGatewaySystem();
  commands = await createCommandLine();
  const { accessKeyId, secretAccessKey, sessionToken = '' } = system.callers.operator;
  const session = `<SessionToken>${sessionToken}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`;
  const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>${session}`;
  sts = await serve(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    asked.push(form);
    const isRight = form.get('TokenCode') === '123456';
    const fault = 'MultiFactorAuthentication failed with invalid MFA one time pass code.';
    const refusal = `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${fault}</Message></Error></ErrorResponse>`;
    const result = `<AssumeRoleResult><Credentials>${keys}</Credentials></AssumeRoleResult>`;
    response.writeHead(isRight ? 200 : 403, { 'content-type': 'text/xml' });
    response.end(isRight ? `<AssumeRoleResponse>${result}</AssumeRoleResponse>` : refusal);
  });
});
beforeEach(() => {
  asked = [];
});
afterAll(() => Promise.all([system.close(), commands.close(), sts.close()]));

async function withMfa(typed: readonly string[]) {
  const config = `[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = base
mfa_serial = ${device}
region = us-east-1
[profile base]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = not-a-real-key
`;
  const env = { AWS_CONFIG_FILE: await commands.write('mfa', config), AWS_ENDPOINT_URL_STS: sts.url };
  const places = ['--endpoint', system.gateway.url, '--secrets-endpoint', system.servers.secrets.url];
  return commands.run(['credentials', 'set', 'one', '--username', 'u', '--profile', 'mfa', ...places], { env, typed });
}

test('promise 62: a profile with MFA is asked for its code, once a command', async () => {
  const { code, err } = await withMfa(['123456', 'not-a-real-password', 'n']);

  expect([code, err[0], err[1]]).toEqual([0, `MFA code of ${device}: `, 'Password (not shown): ']);
  expect(asked.map((form) => [form.get('SerialNumber'), form.get('TokenCode')])).toEqual([[device, '123456']]);
});

test('promise 62: a wrong MFA code is told as such', async () => {
  const { code, err } = await withMfa(['654321']);
  expect([code, err.length, err[1]]).toEqual([3, 2, expect.stringContaining('AWS does not accept the MFA code')]);
});

test('token signs for the region of the profile if the endpoint does not tell it', async () => {
  const outputs = await commands.write('out.json', JSON.stringify({ Stack: { Url: system.gateway.url } }));
  const { accessKeyId, secretAccessKey, sessionToken } = system.callers.all;
  const session = sessionToken ? `aws_session_token = ${sessionToken}\n` : '';
  const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${session}`;
  const right = await commands.write('right', `[profile x]\nregion = us-east-1\n${keys}`);
  const wrong = await commands.write('wrong', `[profile x]\nregion = eu-west-1\n${keys}`);
  const run = (AWS_CONFIG_FILE: string) =>
    commands.run(['token', '--outputs', outputs, '--profile', 'x'], { env: { AWS_CONFIG_FILE } });

  expect((await run(right)).code).toBe(0);
  const refused = await run(wrong);
  expect([refused.code, refused.err.at(-1)]).toEqual([3, expect.stringContaining('not in the region eu-west-1')]);
});

test('promise 62: keys in the environment are not used in place of a profile whose keys fail', async () => {
  const config = await commands.write('fails', '[profile x]\ncredential_process = exit 1\nregion = us-east-1\n');
  const line = ['status', '--endpoint', system.gateway.url, '--profile', 'x'];
  const result = await commands.run(line, { keys: system.callers.operator, env: { AWS_CONFIG_FILE: config } });

  expect(result).toMatchObject({ code: 3, out: [], err: [expect.stringContaining('credential_process of the AWS')] });
});
