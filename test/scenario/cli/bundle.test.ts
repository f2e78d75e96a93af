// The command line as the package has it: one file, which finds AWS credentials in every way that the SDK knows.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProbe } from '../../../build.ts';
import { type LocalRun, startLocalRun } from '../../../local/local-run.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { buildCli } from '../../../scripts/bundles/cli.ts';
import { buildFunction } from '../../../scripts/bundles/function.ts';

const startUrl = 'https://example.awsapps.com/start';
const expiration = new Date(Date.now() + 3_600_000).toISOString();
let folder: string;
let run: LocalRun;
let aws: LoopbackServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  run = await startLocalRun({ env: {} });
  const { accessKeyId, secretAccessKey, sessionToken } = run.callers.first;
  aws = await serve(async (request, response) => {
    const { Action = '' } = Object.fromEntries(new URLSearchParams(await text(request)));
    const answer = answers(Action)[`${request.method} ${request.url?.split('?')[0]}`];
    response
      .writeHead(answer === undefined ? 404 : 200)
      .end(typeof answer === 'object' ? JSON.stringify(answer) : answer);
  });
  await buildFunction(join(folder, 'dist/lambda'));
  await buildProbe(join(folder, 'dist/probe'));
  await buildCli(join(folder, 'dist/cli'));
  const keys = JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
  });
  await writeFiles({
    'process.json': keys,
    'web-identity': 'not-a-real-web-identity-token',
    '.aws/credentials': `[keys]
aws_access_key_id = ${accessKeyId}
aws_secret_access_key = ${secretAccessKey}
aws_session_token = ${sessionToken}
`,
    '.aws/config': `[profile process]
credential_process = cat ${join(folder, 'process.json')}
[profile role]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = keys
[profile sso]
sso_session = company
sso_account_id = 123456789012
sso_role_name = operator
[sso-session company]
sso_start_url = ${startUrl}
sso_region = us-east-1
[profile old-sso]
sso_start_url = ${startUrl}
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = operator
`,
    [ssoCache('company')]: ssoToken,
    [ssoCache(startUrl)]: ssoToken,
  });
});
afterAll(async () => {
  await aws.close();
  await run.close();
  await rm(folder, { recursive: true });
});

const ssoToken = JSON.stringify({
  accessToken: 'not-a-real-sso-token',
  expiresAt: expiration,
  startUrl,
  region: 'us-east-1',
});

/** Where `aws sso login` stores its token. */
function ssoCache(name: string): string {
  return `.aws/sso/cache/${createHash('sha1').update(name).digest('hex')}.json`;
}

async function writeFiles(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** What AWS's services that give credentials answer, by request. An object is sent as JSON. */
function answers(action: string): Readonly<Record<string, string | object>> {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = run.callers.first;
  const keys = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Expiration: expiration };
  const sts = Object.entries({ ...keys, SessionToken: sessionToken }).map(
    ([name, value]) => `<${name}>${value}</${name}>`,
  );
  const roleCredentials = { accessKeyId, secretAccessKey, sessionToken, expiration: Date.parse(expiration) };
  const metadata = '/latest/meta-data/iam/security-credentials/';
  return {
    'GET /federation/credentials': { roleCredentials },
    'POST /': `<${action}Response><${action}Result><Credentials>${sts.join('')}</Credentials></${action}Result></${action}Response>`,
    'PUT /latest/api/token': 'not-a-real-imds-token',
    [`GET ${metadata}`]: 'operator',
    [`GET ${metadata}operator`]: { Code: 'Success', ...keys, Token: sessionToken },
    'GET /container': { ...keys, Token: sessionToken },
  };
}

/** Variables that each way of the SDK needs. */
const ways: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  'keys in the environment': () => {
    const { accessKeyId, secretAccessKey, sessionToken = '' } = run.callers.first;
    return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken };
  },
  'a profile with keys': () => ({ AWS_PROFILE: 'keys' }),
  'a profile with a process': () => ({ AWS_PROFILE: 'process' }),
  'a profile with a role': () => ({ AWS_PROFILE: 'role', AWS_ENDPOINT_URL_STS: aws.url }),
  'a profile with an SSO session': () => ({ AWS_PROFILE: 'sso', AWS_ENDPOINT_URL_SSO: aws.url }),
  'a profile with SSO, as before sessions': () => ({ AWS_PROFILE: 'old-sso', AWS_ENDPOINT_URL_SSO: aws.url }),
  'a web identity': () => ({
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'web-identity'),
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/operator',
    AWS_ENDPOINT_URL_STS: aws.url,
  }),
  'the metadata of an instance': () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url }),
  'a container': () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container` }),
};

test.each(Object.keys(ways))('the bundle gets a token with the AWS credentials of %s', async (way) => {
  const account = run.settings.defaultAccount;
  const args = [join(folder, 'dist/cli/main.mjs'), 'token', account, '--endpoint', run.gateway.url, '--output', 'json'];
  const env = { PATH: process.env.PATH, HOME: folder, AWS_REGION: 'us-east-1', ...ways[way]?.() };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  expect(JSON.parse(stdout)).toMatchObject({ account, token_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test('the bundle has the version of the package, and names the command by which it was started', async () => {
  const start = (args: readonly string[], env: Record<string, string> = {}) =>
    promisify(execFile)(process.execPath, [join(folder, 'dist/cli/main.mjs'), ...args], {
      env: { PATH: process.env.PATH, HOME: folder, ...env },
    }).catch((thrown: { stderr: string }) => thrown);
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));

  expect(await start(['--version'])).toMatchObject({ stdout: `${version}\n`, stderr: '' });
  expect(await start(['tokn'])).toMatchObject({
    stderr: "fegora-broker: unknown command 'tokn' (Did you mean token?)\n",
  });
  expect(await start(['token', '--help'])).toMatchObject({
    stdout: expect.stringContaining('\n  fegora-broker token main\n'),
  });
  expect(await start(['--help'], { npm_command: 'exec' })).toMatchObject({
    stdout: expect.stringContaining('Usage: npx fegora-broker [options]'),
  });
});
