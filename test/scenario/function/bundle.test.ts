// The built bundle, run in a fresh process as Lambda runs it.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../../lambda/config.ts';
import { buildFunction } from '../../../scripts/bundles/function.ts';
import { canaries, canariesIn } from '../../support/capture-canaries.ts';
import { reportAnswer } from '../../support/events/call-function.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { startTestSystem, type TestSystem } from '../../support/test-system.ts';

let folder: string;
let metafile: Metafile;
let system: TestSystem;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  metafile = await buildFunction(join(folder, 'lambda'));
  system = await startTestSystem();
}, 60_000);
afterAll(async () => {
  await system.close();
  await rm(folder, { recursive: true });
});

/** What a fresh process with the bundle does: its output, and the outcome of each invocation. */
interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly outcomes: readonly Readonly<Record<string, unknown>>[];
}

const marker = 'outcomes:';

/** Loads the bundle as Lambda does, in a process that has only these variables, and invokes it one call at a time. */
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
  const [log = '', printed = '[]'] = stdout.split(marker);
  const outcomes: Run['outcomes'] = JSON.parse(printed);
  for (const [at, [alias, event]] of calls.entries()) {
    if (alias === 'http') {
      reportAnswer(event, outcomes[at]?.result);
    }
  }
  return { stdout: log, stderr, outcomes };
}

describe('the bundle', () => {
  it('contains only modules of the function and its dependencies, and no source maps', async () => {
    const files = await readdir(join(folder, 'lambda'));
    expect(files).toContain('index.mjs');
    expect(files.filter((file) => !file.endsWith('.mjs'))).toEqual([]);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, 'lambda', file), 'utf8')));
    expect(texts.filter((text) => text.includes('sourceMappingURL'))).toEqual([]);
    const inputs = Object.keys(metafile.inputs).filter(
      (input) => !/^(lambda|node_modules)\/|^(node|without):/.test(input),
    );
    expect(inputs).toEqual([]);
  });

  it('does not load the SDK before a secret has to be read', () => {
    const atInit = modulesLoadedBy('index.mjs');
    expect(atInit.length).toBeGreaterThan(10);
    expect(atInit.filter((input) => input.includes('/@aws-sdk/client-'))).toEqual([]);
    expect(Object.keys(metafile.inputs).some((input) => input.includes('/@aws-sdk/client-secrets-manager/'))).toBe(
      true,
    );
  });

  it('answers every alias in a fresh process', async () => {
    const { outcomes } = await run(system.env, [
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

  it('reads the secret during init when there is no servable token, and logs in only when a call asks', async () => {
    const counts = () => ({ reads: system.secrets.calls('GetSecretValue'), logins: system.fegora.logins().length });
    await run(system.env, [['admin', { action: 'purge', account: 'one' }]]);
    const { reads, logins } = counts();
    await run(system.env, []);
    expect(counts()).toEqual({ reads: reads + 1, logins });
    await run(system.env, [['http', httpEvent({ account: 'one' })]]);
    expect(counts()).toEqual({ reads: reads + 2, logins: logins + 1 });
    await run(system.env, [['http', httpEvent({ account: 'one' })]]);
    expect(counts()).toEqual({ reads: reads + 2, logins: logins + 1 });
  });

  it('promise 31: does not fail at init when variables are missing, and logs their names', async () => {
    const { outcomes, stdout } = await run({}, [
      ['http', httpEvent()],
      ['account-one', {}],
    ]);
    expect(outcomes).toMatchObject([{ result: { statusCode: 500 } }, { name: 'Configuration' }]);
    expect(stdout).toContain('FEGORA_ACCOUNTS');
    expect(stdout).toContain('TOKEN_TABLE_NAME');
  });

  it.each<Environment>([
    { POWERTOOLS_LOG_LEVEL: 'WARN' },
    { POWERTOOLS_LOG_LEVEL: 'SILENT', LOG_LEVEL: 'ERROR' },
    { LOG_LEVEL: 'CRITICAL' },
    { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'ERROR' },
    { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'FATAL', POWERTOOLS_LOG_LEVEL: 'DEBUG' },
    { AWS_LAMBDA_LOG_FORMAT: 'Text', POWERTOOLS_DEV: 'true' },
    { POWERTOOLS_LOGGER_LOG_EVENT: 'true', POWERTOOLS_LOGGER_SAMPLE_RATE: '1' },
    { POWERTOOLS_LOGGER_LOG_EVENT: '1' },
    { POWERTOOLS_LOGGER_SAMPLE_RATE: 'often' },
  ])('promise 56: writes the audit records and the metrics whatever log level is asked for: %j', async (asked) => {
    const { stdout, stderr, outcomes } = await run({ ...system.env, ...asked }, [
      ['http', httpEvent({ account: 'one' })],
      ['http', httpEvent({ account: 'three' })],
      ['warmup', { accounts: ['one'] }],
    ]);
    expect(outcomes).toMatchObject([{ result: { statusCode: 200 } }, { result: { statusCode: 404 } }, { result: {} }]);
    const kept = (stdout + stderr).split('\n').filter((line) => isKeptByLambda(line, asked.AWS_LAMBDA_LOG_LEVEL));
    const records = kept.map((line): unknown => JSON.parse(line)).map((record) => Object(record));
    expect(records.flatMap(({ audit }) => audit ?? [])).toEqual(['issue', 'denial', 'task']);
    expect(
      records.flatMap(({ Failed, Denied }) => (Failed === 0 ? ['issued'] : Denied === 1 ? ['denied'] : [])),
    ).toEqual(['issued', 'denied']);
    expect(kept.some((line) => line.includes('"httpMethod"'))).toBe(false);
  });

  it('promise 41: writes no secret to stdout or stderr', async () => {
    const { username, password } = canaries;
    system.secrets.put('fegora/two', JSON.stringify({ username, password }));
    system.fegora.setPassword(username, password);
    system.fegora.addFault({ kind: 'answer', status: 400, body: `${username} ${password} ${canaries.token}` });
    const { stdout, stderr, outcomes } = await run({ ...system.env, AWS_SESSION_TOKEN: canaries.sessionToken }, [
      ['admin', { action: 'purge', account: 'two' }],
      ['http', httpEvent({ account: 'two' })],
      ['admin', { action: 'clear-rejection', account: 'two' }],
      ['account-two', {}],
      ['http', httpEvent({ account: 'two', body: password })],
    ]);
    expect(outcomes).toHaveLength(5);
    expect(stdout).toContain('"audit":"failure"');
    expect(stdout).toContain('"_aws"');
    expect(canariesIn(stdout + stderr)).toEqual([]);
    expect(stdout + stderr).not.toMatch(/not-a-real-(token|refresh)/);
  });

  it('promise 45: answers the first call in time when little time is left', async () => {
    for (const leftMs of [200, 500, 1000]) {
      const { outcomes } = await run(system.env, [['http', httpEvent({ account: 'one' }), leftMs]]);
      expect(outcomes).toMatchObject([{ result: { statusCode: expect.any(Number) } }]);
      expect(outcomes[0]?.spareMs).toBeGreaterThan(0);
    }
  });
});

const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/**
 * Whether a line is an object that Lambda's filter lets pass. A line without a level or without a time counts as INFO.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
function isKeptByLambda(line: string, filter = 'INFO'): boolean {
  if (!/^\{.*\}$/.test(line)) {
    return false;
  }
  const { level, timestamp } = JSON.parse(line);
  const isTimed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(timestamp);
  return logLevels.indexOf(isTimed ? level : 'INFO') >= logLevels.indexOf(filter);
}

/** The modules that one file of the bundle loads, without those of a dynamic import. */
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
