// Tests that every line of standard error is JSON with --output json, also those that no command writes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 60_000 });

let system: GatewaySystem;

beforeAll(async () => {
  system = await startGatewaySystem();
});
afterAll(() => system.close());

/** Runs `status --output json`, and returns the exit code and the parsed lines of standard error. */
async function status(env: Readonly<Record<string, string>>, to = '/dev/null') {
  const { accessKeyId, secretAccessKey } = system.callers.operator;
  const command = `exec "${process.execPath}" cli/main.ts status --output json --endpoint ${system.gateway.url} > ${to}`;
  const child = spawn('sh', ['-c', command], {
    env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, ...env },
  });
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  const lines = err.split('\n').slice(0, -1);
  return { code, err: lines.map((line) => JSON.parse(line)) };
}

/** A module that Node loads first: it runs a statement once the program has set its listeners. */
function afterStart(statement: string): Readonly<Record<string, string>> {
  const module = `process.on('newListener', (name) => name === 'unhandledRejection' && setImmediate(() => { ${statement} }))`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}

test.each([
  ['of a package', afterStart("process.emitWarning('old', 'DeprecationWarning')"), 'DeprecationWarning: old'],
  ['of the client', { HTTPS_PROXY: 'ftp://x' }, 'Warning: HTTPS_PROXY is not used: it is not an http URL. Set '],
])('promise 62: a warning %s is a note', async (_, env, warning) => {
  expect(await status(env)).toEqual({ code: 0, err: [{ note: expect.stringContaining(warning) }] });
});

test('promise 62: a warning of the SDK on the console is a note', async () => {
  const home = await mkdtemp(join(tmpdir(), 'broker-home-'));
  const AWS_CONFIG_FILE = join(home, 'config');
  await writeFile(AWS_CONFIG_FILE, '[profile x]\nregion = us-east-1\n');
  const env = { HOME: home, AWS_CONFIG_FILE, AWS_PROFILE: 'x', AWS_EC2_METADATA_DISABLED: 'true' };
  const { code, err } = await status(env);
  await rm(home, { recursive: true });

  const failure = 'no AWS credentials: the AWS profile x has none, and this machine has no role';
  expect([code, err]).toEqual([
    3,
    [
      { note: expect.stringContaining('Multiple credential sources detected') },
      expect.objectContaining({ error: 'aws_credentials', error_description: expect.stringContaining(failure) }),
    ],
  ]);
});

test('no warning is printed when NODE_NO_WARNINGS says so', async () => {
  expect(await status({ HTTPS_PROXY: 'ftp://x', NODE_NO_WARNINGS: '1' })).toEqual({ code: 0, err: [] });
});

test.each(["throw new Error('late')", "Promise.reject(new Error('late'))"])(
  'promise 62: what fails outside of the command, by `%s`, is a failure without a stack trace',
  async (statement) => {
    const failure = { error: 'failed', error_description: 'Error: late', exit_code: 1, retryable: false };
    expect(await status(afterStart(statement))).toEqual({ code: 1, err: [failure] });
  },
);

test.skipIf(!existsSync('/dev/full'))('a result that cannot be written is a failure', async () => {
  const failure = { error: 'failed', exit_code: 1, error_description: expect.stringMatching(/^ENOSPC/) };
  expect(await status({}, '/dev/full')).toMatchObject({ code: 1, err: [failure] });
});
