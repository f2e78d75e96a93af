// Runs the sessions of docs/operations.md in their order, as printed, against a local run, and compares what they print.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SigningKeys } from '../../local/gateway/sigv4.ts';
import { type LocalRun, startLocalRun } from '../../local/local-run.ts';
import { canType, typeTo } from '../support/cli/typing.ts';
import { proof } from '../support/counts.ts';
import { startComparison } from '../support/sessions/compare.ts';
import { readSessions, type Step } from '../support/sessions/page.ts';
import { openShell, type Shell } from '../support/sessions/shell.ts';
import { copyClone } from './clone.ts';
import { base } from './process.ts';
import { root } from './tarball.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

const comparison = startComparison();
let folder: string;
let cwd: string;
let local: LocalRun;
let shell: Shell;

/** `caller`, `operator` and `none` of the page, as functions of the shell. */
function keysOf({ callers }: LocalRun): string {
  const set = ({ accessKeyId, secretAccessKey }: SigningKeys) =>
    `export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`;
  const { all, operator, none } = callers;
  return `caller() { ${set(all)}; }; operator() { ${set(operator)}; }; none() { ${set(none)}; }`;
}

const options = () => `--endpoint ${local.gateway.url} --secrets-endpoint ${local.secretsUrl}`;

/** At the questions of `credentials set`, an operator types a wrong password. */
async function typeWrongPassword({ command, output }: Step): Promise<void> {
  const answers = [
    ['Username: ', 'user-of-demo-b\r'],
    ['(not shown): ', 'not-a-real-password-at-all\r'],
    ['[Y/n] ', 'y\r'],
    ['[y/N] ', 'n\r'],
  ] as const;
  const { accessKeyId, secretAccessKey } = local.callers.operator;
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const env = { ...base, ...keys, RUN: options(), TERM: 'dumb' };
  const { shown } = await typeTo(['bash', '-c', command], answers, { env, cwd });
  comparison.expectPrinted(shown.replaceAll('\r', ''), output);
}

describe.runIf(proof && canType)('the sessions of docs/operations.md', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'operations-'));
    ({ folder: cwd } = await copyClone(folder, 'clone'));
    await symlink(join(root, 'node_modules'), join(cwd, 'node_modules'));
    local = await startLocalRun({ env: {} });
    shell = openShell(cwd, { ...base, AWS_EC2_METADATA_DISABLED: 'true' });
    // The first call of `npm start`.
    await shell.run(`RUN="${options()}"; ${keysOf(local)}; caller; npm run --silent broker -- $RUN token main`);
  });
  afterAll(async () => {
    await shell.close();
    await local.close();
    await rm(folder, { recursive: true });
  });

  const steps = readSessions('docs/operations.md').flatMap((session) => session.steps);

  test.each(steps.map((step) => [step.command, step] as const))('%s prints what the page says', async (_, step) => {
    await (step.command.includes('credentials set') && !step.command.includes('--help')
      ? typeWrongPassword(step)
      : shell.run(step.command).then((printed) => comparison.expectPrinted(printed, step.output)));
  });

  test('the page has its sessions', () => {
    expect(steps.length).toBeGreaterThan(20);
  });
});
