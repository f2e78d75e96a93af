// Runs every recipe of docs/callers.md and the README's example, as printed, against the local gateway.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { StateMachine } from 'aws-local-stepfunctions';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import type { SigningKeys } from '../../../local/gateway/sigv4.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);
let folder: string;
let recipes: Map<string, string>;
let system: GatewaySystem;
let api: LoopbackServer;
let output: Capture;

beforeAll(async () => {
  // A folder inside the project, so that Node finds the SDK as it does in Lambda.
  await mkdir(join(root, 'dist'), { recursive: true });
  folder = await mkdtemp(join(root, 'dist', 'recipes-'));
  const page = await readFile(join(root, 'docs/callers.md'), 'utf8');
  const blocks = page.matchAll(/<!-- recipe: (\S+) -->\n```\w+\n([\s\S]*?)```\n/g);
  recipes = new Map([...blocks].map(([, name = '', block = '']) => [name, block]));
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  system = await startGatewaySystem({ accounts: ['main', 'other'] });
  output = captureOutput();
  // Fegora's API with the paths of the recipes. The simulator decides whether the token is good.
  api = await serve(async (request, response) => {
    const { authorization = '' } = request.headers;
    const { status } = await fetch(`${system.servers.fegora.origin}/api/whoami`, { headers: { authorization } });
    const body = await text(request);
    const kind = request.headers['content-type'];
    const received = body === '' ? null : JSON.parse(body);
    response.writeHead(status).end(JSON.stringify({ path: request.url, kind, received }));
  });
});
afterEach(async () => {
  output.stop();
  await api.close();
  await system.close();
});

function recipe(name: string): string {
  const found = recipes.get(name);
  if (found === undefined) {
    throw new Error(`the page has no recipe ${name}`);
  }
  return found;
}

/** Returns the environment variables of a caller. */
function env({ accessKeyId, secretAccessKey, sessionToken }: SigningKeys): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    BROKER_URL: `${system.gateway.url}/`,
    BROKER_FUNCTION: system.gateway.functionName,
    ACCOUNT: 'main',
    FEGORA_API: api.url,
    TENANT_ROLE: 'arn:aws:iam::000000000000:role/local-tenant',
    AWS_ENDPOINT_URL_LAMBDA: system.gateway.url,
    AWS_ENDPOINT_URL_STS: system.gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
  };
}

/** Bundles a recipe as a function for Lambda, and calls its handler in a new process. */
async function invoke(lines: string, event: unknown, keys: SigningKeys): Promise<unknown> {
  const outfile = join(folder, `${randomUUID()}.mjs`);
  await build({
    stdin: { contents: lines, resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    // In the repository, the package is its sources. test/package/ has the package itself.
    alias: { 'fegora-token-broker/client': join(root, 'client/index.ts') },
  });
  // Fegora's host name is replaced by the local API. Everything else is as in Lambda.
  const start = `
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) => fetch(String(url).replace('https://api.fegora.com', process.env.FEGORA_API), init);
    const { handler } = await import(${JSON.stringify(outfile)});
    console.log(JSON.stringify(await handler(${JSON.stringify(event)})));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', start], { env: env(keys) });
  return JSON.parse(stdout);
}

/** Runs a recipe for the shell in a new process. */
async function shell(name: string, keys: SigningKeys): Promise<{ out: string; err: string; code: number | null }> {
  const child = spawn('sh', ['-c', recipe(name)], { env: env(keys), cwd: root });
  const code = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out, err, code: await code };
}

/** Keys that AWS refuses, with the line that a recipe prints. */
function refusedKeys(): [SigningKeys, RegExp][] {
  const { all, none } = system.callers;
  return [
    [none, /^403 AccessDeniedException: IAM does not permit this call.*\n$/],
    [{ ...all, secretAccessKey: 'not-a-real-key-either' }, /^403 InvalidSignatureException: .* secret key.*\n$/],
    [{ ...all, accessKeyId: 'AKIAUNKNOWN' }, /^403 UnrecognizedClientException: AWS refused the call: its keys.*\n$/],
  ];
}

function has(...command: [string, ...string[]]): boolean {
  const [name, ...args] = command;
  const found = spawnSync(name, args).status === 0;
  if (!found) {
    console.log(`${command.join(' ')}: not on this machine, so its recipe did not run.`);
  }
  return found;
}

describe('the Lambda function of the README', () => {
  const invoice = { path: '/dte', document: { nit: 'CF' } };
  const printed = async () => {
    const block = /```ts\n(import[\s\S]*?)```/.exec(await readFile(join(root, 'README.md'), 'utf8'));
    return block?.[1] ?? '';
  };

  test('has at most ten lines, and posts an invoice as printed', async () => {
    const lines = await printed();
    expect(lines.trimEnd().split('\n').length).toBeLessThanOrEqual(10);

    const { status, body } = { status: 0, body: '', ...Object(await invoke(lines, invoice, system.callers.all)) };
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ path: '/dte', kind: 'application/json', received: { nit: 'CF' } });
    expect(system.invoked).toEqual(['http']);
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 1, apiCalls: 1, apiRefusals: 0 });
  });

  test('posts the invoice again after a 401', async () => {
    const lines = await printed();
    await invoke(lines, invoice, system.callers.all);
    system.servers.fegora.changeKey();
    // The broker still has the token that Fegora no longer accepts.
    expect(await invoke(lines, invoice, system.callers.all)).toMatchObject({ status: 200 });
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 2, apiCalls: 3, apiRefusals: 1 });
  });
});

test('the recipe for direct invocation works as printed', async () => {
  const { all, none } = system.callers;

  expect(await invoke(recipe('direct.ts'), {}, all)).toEqual({
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    secondsLeft: expect.any(Number),
  });
  expect(await invoke(recipe('direct.ts'), {}, none)).toEqual({
    code: 'forbidden',
    retryable: false,
    requestId: expect.any(String),
  });
  expect(system.invoked).toEqual(['account-main']);
});

test('promise 62: the recipe for Python with botocore works as printed, and names the check that refused', async () => {
  if (!has('python3', '-c', 'import botocore')) {
    return;
  }
  await writeFile(join(folder, 'fegora_token.py'), recipe('fegora_token.py'));
  const call = (keys: SigningKeys) => run('python3', [join(folder, 'fegora_token.py')], { env: env(keys) });

  expect((await call(system.callers.all)).stdout).toMatch(/^[0-9a-f]{64} \d+\n$/);
  expect((await call(system.callers.first)).stdout).toMatch(/^[0-9a-f]{64} \d+\n$/);
  for (const [keys, line] of refusedKeys()) {
    await expect(call(keys)).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(line) });
  }
});

test('promise 67: the recipe for a worker in TypeScript sends the invoices of each tenant, and no session gets the token of another', async () => {
  const job = (account: string) => ({ account, document: { nit: 'CF' } });
  const lines = recipe('tenants.ts');
  expect(await invoke(lines, job('other'), system.callers.worker)).toMatchObject({ status: 200 });

  const mistaken = lines.replace('Value: account', "Value: 'main'");
  await expect(invoke(mistaken, job('other'), system.callers.worker)).rejects.toThrow(/forbidden/);
  expect(system.invoked).toEqual(['http']);
  expect(output.records().filter(({ audit }) => audit !== undefined)).toMatchObject([
    { account: 'other', caller: 'arn:aws:sts::000000000000:assumed-role/local-tenant/invoice-worker' },
  ]);
});

test('promise 67: the recipe for a worker in Python gets the token of each tenant, and no session gets that of another', async () => {
  if (!has('python3', '-c', 'import boto3')) {
    return;
  }
  for (const name of ['fegora_token.py', 'tenant_token.py']) {
    await writeFile(join(folder, name), recipe(name));
  }
  const variables = { env: { ...env(system.callers.worker), ACCOUNT: 'other', PYTHONPATH: folder } };
  const { stdout } = await run('python3', [join(folder, 'tenant_token.py')], variables);
  expect(stdout).toMatch(/^[0-9a-f]{64} \d+\n$/);

  const mistaken = `
from tenant_token import fegora_token, keys_of, os
try:
    fegora_token(os.environ["BROKER_URL"], "other", os.environ["AWS_REGION"], keys=keys_of("main"))
except RuntimeError as refused:
    print(refused)
`;
  const { stdout: refused } = await run('python3', ['-c', mistaken], variables);
  expect(refused).toMatch(/^403 AccessDeniedException: IAM does not permit this call/);
  expect(system.invoked).toEqual(['http']);
});

test('promise 62: the recipe for curl works as printed, and names the check that refused', async () => {
  if (!has('curl', '--version')) {
    return;
  }
  const { all, first } = system.callers;
  for (const keys of [all, first]) {
    const { out, err, code } = await shell('curl.sh', keys);
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(JSON.parse(out)).toMatchObject({ account: 'main', token_type: 'bearer' });
  }
  for (const [keys, line] of refusedKeys()) {
    const refused = await shell('curl.sh', keys);
    const { error_description: said } = { error_description: '', ...JSON.parse(refused.out) };
    const [type] = /403 \w+$/m.exec(refused.err) ?? [];
    expect([refused.code, `${type}: ${said}\n`]).toEqual([22, expect.stringMatching(line)]);
  }
});

test('the recipe for awscurl works as printed', async () => {
  if (!has('awscurl', '--help')) {
    return;
  }
  const { out } = await shell('awscurl.sh', system.callers.all);

  expect(out).toContain('token_sha256');
});

test('the recipe for Step Functions works as printed', async () => {
  const { accessKeyId, secretAccessKey } = system.callers.all;
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', system.gateway.url);
  const machine = new StateMachine(JSON.parse(recipe('ensure-token.asl.json')), {
    awsConfig: { region: 'us-east-1', credentials: { accessKeys: { accessKeyId, secretAccessKey } } },
  });
  const result = await machine.run({ invoice: 1 }).result;
  vi.unstubAllEnvs();

  expect(result).toMatchObject({ invoice: 1, token: { account: 'main', source: 'upstream' } });
  expect(JSON.stringify(result)).not.toContain('access_token"');
});

test('the recipe for a worker of a workflow works as printed, and throws errors under their names', async () => {
  const { all, none } = system.callers;
  const order = { path: '/dte', document: { nit: 'CF' } };
  const lines = recipe('worker.ts');

  expect(await invoke(lines, order, all)).toMatchObject({ status: 200, body: expect.stringContaining('"nit":"CF"') });
  await expect(invoke(lines, order, none)).rejects.toThrow('Forbidden: forbidden: ');
});

test('the recipe for the command line’s header works as printed', async () => {
  if (!has('curl', '--version')) {
    return;
  }
  const { out, code } = await shell('header.sh', system.callers.all);

  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ path: '/contribuyente/25365421', received: null });
});

test('the recipe for the command line’s header fails without a token before it calls Fegora, and fails when Fegora refuses', async () => {
  if (!has('curl', '--version')) {
    return;
  }
  const withoutToken = await shell('header.sh', system.callers.none);
  expect([withoutToken.code, withoutToken.out, system.servers.fegora.counters().apiCalls]).toEqual([4, '', 0]);
  await shell('header.sh', system.callers.all);
  system.servers.fegora.changeKey();
  const refused = await shell('header.sh', system.callers.all);

  expect(refused.code).toBe(22);
});

test('the recipe for a container lets the client call the local run by loopback', async () => {
  const free = await serve(() => {});
  await free.close();
  const { host, port: gatewayPort } = new URL(system.gateway.url);
  const { port } = new URL(free.url);
  expect(port).not.toBe(gatewayPort);
  const variables = { ...env(system.callers.all), LOCAL_RUN: host, PORT: port };
  // A group of its own, which ends with what the recipe leaves in the background.
  const shellOf = spawn('sh', ['-c', `${recipe('forward.sh')}\nwait`], {
    env: variables,
    detached: true,
    stdio: 'inherit',
  });
  const tokens = createTokenClient({ endpoint: free.url, region: 'us-east-1', credentials: system.callers.all });
  try {
    await vi.waitFor(async () => expect((await tokens.getToken()).account).toBe('main'), { timeout: 30_000 });
  } finally {
    process.kill(-Number(shellOf.pid));
  }
  expect(system.invoked).toEqual(['http']);
});

test('every recipe of the page has a test', () => {
  expect([...recipes.keys()]).toEqual([
    'direct.ts',
    'forward.sh',
    'fegora_token.py',
    'tenants.ts',
    'tenant_token.py',
    'curl.sh',
    'awscurl.sh',
    // test/package/construct.test.ts synthesises it.
    'invoices-stack.ts',
    'ensure-token.asl.json',
    'worker.ts',
    'header.sh',
  ]);
});
