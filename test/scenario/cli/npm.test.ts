// Tests that options which npm keeps for itself stop a command, with real npm in real processes.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

// Each command starts npm, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

let system: GatewaySystem;
let commands: CommandLine;
let folder: string;
let inner: string;

beforeAll(async () => {
  system = await startGatewaySystem();
  commands = await createCommandLine();
  folder = await mkdtemp(join(tmpdir(), 'broker-npm-'));
  inner = join(folder, 'infra');
  await mkdir(inner);
  const broker = `"${process.execPath}" "${resolve('cli/main.ts')}"`;
  const scripts = { broker, fixed: `${broker} token one --outputs cdk-outputs.json` };
  const outputs = { Stack: { Url: system.gateway.url, FunctionName: system.gateway.functionName } };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', scripts }));
  // The default stage. The other file stands where the operator stands.
  await writeFile(join(folder, 'cdk-outputs.json'), JSON.stringify(outputs));
  await writeFile(join(inner, 'prod.json'), JSON.stringify({ ...outputs, Prod: outputs.Stack, Stack: {} }));
});
afterAll(() => Promise.all([system.close(), commands.close(), rm(folder, { recursive: true })]));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function npm(args: readonly string[], cwd = folder, more: Record<string, string> = {}): Promise<Ended> {
  const { accessKeyId, secretAccessKey } = system.callers.all;
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_LAMBDA: system.gateway.url,
    ...more,
  };
  return new Promise((done) => {
    execFile('npm', ['run', '--silent', ...args], { cwd, env }, (failure, out, err) => {
      const code = failure === null ? 0 : Number(failure.code);
      // npm warns of options that it does not know.
      done({ code, out, err: err.replace(/^npm warn .*\n/gm, '') });
    });
  });
}

test.each([
  ['--outputs', ['--outputs=infra/prod.json']],
  ['--outputs', ['--outputs', 'infra/prod.json']],
  ['--stack', ['--stack=Prod']],
  ['--profile', ['--profile=prod']],
  ['--region', ['--region', 'eu-west-1']],
  ['--endpoint', ['--endpoint=https://x.example']],
  ['--function-name', ['--function-name=other']],
  ['--allow-endpoint', ['--allow-endpoint=https://x.example']],
  ['--output', ['--output=json']],
  ['--show-token', ['--show-token']],
  ['--no-verify', ['--no-verify']],
  ['--verify', ['--verify']],
  // Options that this program does not have. Without npm it would refuse them.
  ['--stage', ['--stage=prod']],
  ['--env', ['--env=prod']],
  ['--context', ['--context=stage=prod']],
  ['-c', ['-c', 'stage=prod']],
  ['--account', ['--account=two']],
  ['--profil', ['--profil=prod']],
  ['--outputs-file', ['--outputs-file=infra/prod.json']],
])('promise 59: npm run broker pause one with %s and without -- does nothing (%j)', async (option, options) => {
  const { code, out, err } = await npm(['broker', 'pause', 'one', ...options]);

  expect([code, out]).toEqual([2, '']);
  const start = `broker: npm kept ${option} for itself, so nothing was done. Write: npm run broker -- <command> ${option}`;
  expect(err).toBe(`${start} … In PowerShell, with quotes: npm run broker '--' …\n`);
  expect(system.invoked).toEqual([]);
});

test('promise 59: options after -- are used, also if npm has a variable of the same name', async () => {
  const line = ['broker', '--', 'token', 'one', '--endpoint', system.gateway.url];
  const ofOthers = { npm_config_yes: 'true', npm_config_user: 'ci', npm_config_call: 'npm run broker' };
  const { code } = await npm(line, folder, { npm_config_endpoint: 'https://x.example', ...ofOthers });
  expect(code).toBe(0);
});

test('promise 59: --outputs is read from the folder in which the operator stands', async () => {
  const typed = ['broker', '--', 'token', 'one', '--stack', 'Prod', '--outputs', 'prod.json'];
  const inside = await npm(typed, inner);
  const outside = await npm(typed);

  expect([inside.code, inside.err]).toEqual([0, expect.stringContaining(`stack Prod of ${join(inner, 'prod.json')}`)]);
  expect([outside.code, outside.err]).toEqual([5, expect.stringContaining('prod.json does not exist')]);
});

test('promise 59: a path in a script of package.json is read from the folder of package.json', async () => {
  const { code, err } = await npm(['fixed'], inner);
  expect([code, err]).toEqual([0, expect.stringContaining('stack Stack of cdk-outputs.json')]);
});
