import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunction } from '../../../build.ts';
import type { Environment } from '../../../lambda/config.ts';
import { canaries, canariesIn } from '../../support/capture-canaries.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { startTestSystem, type TestSystem } from '../../support/test-system.ts';

let folder: string;
let metafile: Metafile;
let world: TestSystem;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  metafile = await buildFunction(join(folder, 'lambda'));
  world = await startTestSystem();
}, 60_000);
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

/** What a fresh process with the bundle does: its output, and what came of each call. */
interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly outcomes: readonly Readonly<Record<string, unknown>>[];
}

const marker = 'outcomes:';

/** Loads the bundle as Lambda does, in a process that has nothing but these variables, and makes calls one by one. */
async function run(
  env: Environment,
  calls: readonly (readonly [alias: string, event: unknown, leftMs?: number])[],
): Promise<Run> {
  const given = calls.map(([alias, event, leftMs = 25_000]) => ({ event, leftMs, context: lambdaContext(alias) }));
  const script = `
    const { handler } = await import(${JSON.stringify(pathToFileURL(join(folder, 'lambda', 'index.mjs')).href)});
    const outcomes = [];
    for (const { event, leftMs, context } of ${JSON.stringify(given)}) {
      const begun = performance.now();
      context.getRemainingTimeInMillis = () => Math.max(0, Math.floor(leftMs - (performance.now() - begun)));
      try {
        outcomes.push({ result: await handler(event, context), spareMs: context.getRemainingTimeInMillis() });
      } catch ({ name, message, stack }) {
        outcomes.push({ name, message, stack, spareMs: context.getRemainingTimeInMillis() });
      }
    }
    process.stdout.write('${marker}' + JSON.stringify(outcomes));
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...env },
    timeout: 30_000,
  });
  const [log = '', outcomes = '[]'] = stdout.split(marker);
  return { stdout: log, stderr, outcomes: JSON.parse(outcomes) };
}

describe('the bundle', () => {
  it('is modules alone, without source maps, made of the function and its dependencies alone', async () => {
    const files = await readdir(join(folder, 'lambda'));
    expect(files).toContain('index.mjs');
    expect(files.filter((file) => !file.endsWith('.mjs'))).toEqual([]);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, 'lambda', file), 'utf8')));
    expect(texts.filter((text) => text.includes('sourceMappingURL'))).toEqual([]);
    const inputs = Object.keys(metafile.inputs).filter(
      (input) => !/^(lambda|node_modules)\/|^(node|fallback):/.test(input),
    );
    expect(inputs).toEqual([]);
  });

  it('loads no SDK before a secret has to be read', () => {
    const atInit = modulesLoadedBy('index.mjs');
    expect(atInit.length).toBeGreaterThan(10);
    expect(atInit.filter((input) => input.includes('/@aws-sdk/client-'))).toEqual([]);
    expect(Object.keys(metafile.inputs).some((input) => input.includes('/@aws-sdk/client-secrets-manager/'))).toBe(
      true,
    );
  });

  it('serves every alias in a process of its own', async () => {
    const { outcomes } = await run(world.env, [
      ['http', httpEvent({ account: 'one' })],
      ['http', httpEvent({ account: 'one' })],
      ['account-one', { want: 'metadata' }],
      ['warmup', {}],
      ['admin', { action: 'status' }],
      ['$LATEST', {}],
    ]);
    expect(outcomes).toMatchObject([
      { result: { statusCode: 200, body: expect.stringContaining('"source":"upstream"') } },
      { result: { statusCode: 200, body: expect.stringContaining('"source":"memory"') } },
      { result: { account: 'one', source: 'memory' } },
      {
        result: {
          results: [
            { account: 'one', outcome: 'fresh' },
            { account: 'two', outcome: 'renewed' },
          ],
        },
      },
      { result: { accounts: [{ account: 'one' }, { account: 'two' }] } },
      { name: 'Forbidden', stack: 'Forbidden' },
    ]);
  });

  it('reads the secret during init where no token is left to serve, and logs in no sooner than a call asks', async () => {
    const counts = () => ({ reads: world.secrets.calls('GetSecretValue'), logins: world.fegora.logins().length });
    await run(world.env, [['admin', { action: 'purge', account: 'one' }]]);
    const { reads, logins } = counts();
    await run(world.env, []);
    expect(counts()).toEqual({ reads: reads + 1, logins });
    await run(world.env, [['http', httpEvent({ account: 'one' })]]);
    expect(counts()).toEqual({ reads: reads + 2, logins: logins + 1 });
    await run(world.env, [['http', httpEvent({ account: 'one' })]]);
    expect(counts()).toEqual({ reads: reads + 2, logins: logins + 1 });
  });

  it('promise 31: does not fall at init for want of configuration, and its log says what is wanting', async () => {
    const { outcomes, stderr } = await run({}, [
      ['http', httpEvent()],
      ['account-one', {}],
    ]);
    expect(outcomes).toMatchObject([{ result: { statusCode: 500 } }, { name: 'Configuration' }]);
    expect(stderr).toContain('FEGORA_ACCOUNTS');
    expect(stderr).toContain('TOKEN_TABLE_NAME');
  });

  it('promise 41: writes no secret to either stream of its process', async () => {
    const { username, password } = canaries;
    world.secrets.put('fegora/two', JSON.stringify({ username, password }));
    world.fegora.setPassword(username, password);
    world.fegora.addFault({ kind: 'answer', status: 400, body: `${username} ${password} ${canaries.token}` });
    const { stdout, stderr, outcomes } = await run({ ...world.env, AWS_SESSION_TOKEN: canaries.sessionToken }, [
      ['admin', { action: 'purge', account: 'two' }],
      ['http', httpEvent({ account: 'two' })],
      ['admin', { action: 'clear-rejection', account: 'two' }],
      ['account-two', {}],
      ['http', httpEvent({ account: 'two', body: password })],
    ]);
    expect(outcomes).toHaveLength(5);
    expect(stderr).toContain('"audit":"failure"');
    expect(stdout).toContain('"_aws"');
    expect(canariesIn(stdout + stderr)).toEqual([]);
    expect(stdout + stderr).not.toMatch(/not-a-real-(token|refresh)/);
  });

  it('promise 45: answers a first call in time, with little of it left', async () => {
    for (const leftMs of [200, 500, 1000]) {
      const { outcomes } = await run(world.env, [['http', httpEvent({ account: 'one' }), leftMs]]);
      expect(outcomes).toMatchObject([{ result: { statusCode: expect.any(Number) } }]);
      expect(outcomes[0]?.spareMs).toBeGreaterThan(0);
    }
  });
});

/** The modules that loading one file of the bundle loads: those behind a dynamic import come later, if ever. */
function modulesLoadedBy(entry: string): string[] {
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [path, output]));
  const queue = [...outputs.keys()].filter((path) => path.endsWith(`/${entry}`));
  for (const path of queue) {
    for (const { path: imported, kind } of outputs.get(path)?.imports ?? []) {
      if (kind === 'import-statement' && outputs.has(imported) && !queue.includes(imported)) {
        queue.push(imported);
      }
    }
  }
  return queue.flatMap((path) => Object.keys(outputs.get(path)?.inputs ?? {}));
}
