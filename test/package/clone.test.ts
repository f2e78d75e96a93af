// A clone of the repository: what works after `npm ci --ignore-scripts`, and what `cdk synth` deploys.
import { appendFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { proof } from '../support/counts.ts';
import { findNode } from '../support/nodes.ts';
import { readSynthesised } from './cdk.ts';
import { copyClone } from './clone.ts';
import { type Project, projectIn } from './project.ts';
import { root } from './tarball.ts';

// Each command starts processes, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

const stops = /^This is Node 20[^\n]* needs 24[^\n]*--omit=optional[^\n]*$/;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clone-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What a command that fails has printed, on both outputs. */
async function failureOf(running: Promise<unknown>): Promise<string> {
  const failure = await running.then(
    () => new Error('it did not fail'),
    (thrown: Error) => thrown,
  );
  return failure.message.replace(/^.*failed:\n/, '').trim();
}

describe('promise 52: synth', () => {
  let clone: Project;
  const synth = async () => {
    await clone.run('node', [join(root, 'node_modules/aws-cdk/bin/cdk'), 'synth', '--quiet']);
    return (await readSynthesised(clone)).asset;
  };

  beforeAll(async () => {
    clone = await copyClone(folder, 'changed');
    await symlink(join(root, 'node_modules'), join(clone.folder, 'node_modules'));
  });

  const handler = () => join(clone.folder, 'lambda/handler.ts');

  test('deploys what the sources are now, with no build before it', async () => {
    const source = await readFile(handler(), 'utf8');
    expect(await clone.run('npm', ['run', '--silent', 'build', '--', '--quiet'])).toBe('');
    const first = await synth();
    expect(first).toMatch(/^[0-9a-f]{64}\.zip$/);
    await writeFile(handler(), `${source}\nexport const addedByTheTest = 1;\n`);
    expect(await synth()).not.toBe(first);
    await writeFile(handler(), source);
  });

  test('stops if the sources cannot be built', async () => {
    const source = await readFile(handler(), 'utf8');
    await writeFile(handler(), `${source}\nexport const = ;\n`);
    const refused = await failureOf(synth());
    expect(refused).toContain('lambda/handler.ts');
    await writeFile(handler(), source);
    await appendFile(join(clone.folder, 'client/index.ts'), "export const addedByTheTest: number = '';\n");
    const wrongType = await failureOf(synth());
    expect(wrongType).toMatch(/client\/index\.ts.*TS2322/);
    expect(refused + wrongType).not.toMatch(/^ +at /m);
  });
});

describe('promise 51: after `npm ci --ignore-scripts`', () => {
  test('every command stops in one line in a Node that is too old, if Node 20 is installed', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const { lint, types, format, arrows, prepack, ...checked } = scripts;
    expect(
      Object.values(checked).filter((script) => !String(script).startsWith('node scripts/check-node.mjs &&')),
    ).toEqual([]);
    const node = await findNode(20);
    if (node !== undefined) {
      const failure = await failureOf(projectIn(root).run(node, ['scripts/check-node.mjs']));
      expect(failure).toMatch(stops);
    }
    expect(await projectIn(root).run('node', ['scripts/check-node.mjs'])).toBe('');
  });

  test.runIf(proof)('start, build and synth work if npm itself runs on Node 20', async () => {
    const clone = await copyClone(folder, 'without-scripts');
    if (!(await install(clone, '--ignore-scripts'))) {
      return;
    }
    for (const command of ['build', 'synth']) {
      await clone.run('npm', ['run', command], await onNode20());
    }
    await clone.run('npm', ['start', '--', '--once'], await onNode20());
  });

  test.runIf(proof)('every command stops in one line on Node 20 if optional packages are left out', async () => {
    const clone = await copyClone(folder, 'without-optional');
    if ((await findNode(20)) === undefined || !(await install(clone, '--ignore-scripts', '--omit=optional'))) {
      return;
    }
    for (const command of ['start', 'build', 'test', 'synth']) {
      expect(await failureOf(clone.run('npm', ['run', '--silent', command], await onNode20()))).toMatch(stops);
    }
  });
});

/** Returns false, and prints why, if the cache of npm does not have every package. */
async function install(clone: Project, ...options: readonly string[]): Promise<boolean> {
  const output = await clone.run('npm', ['ci', ...options], { HOME: process.env.HOME ?? '' }).catch(String);
  if (String(output).includes('ENOTCACHED')) {
    console.log(`npm ci ${options.join(' ')}: did not run, because the cache of npm does not have every package.`);
    return false;
  }
  return true;
}

/** Variables for commands that run on Node 20, or on the Node of the tests if the machine has no Node 20. */
async function onNode20(): Promise<Record<string, string>> {
  const node = await findNode(20);
  return { PATH: [dirname(node ?? process.execPath), '/usr/bin', '/bin'].join(delimiter) };
}
