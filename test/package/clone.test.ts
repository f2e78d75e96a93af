// A clone of the repository: what works after `npm ci --ignore-scripts`, and what `cdk synth` deploys.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proof } from '../support/counts.ts';
import { findNode } from '../support/nodes.ts';
import { readSynthesised } from './cdk.ts';
import { type Project, projectIn } from './project.ts';
import { root } from './tarball.ts';

const stops = /^This is Node 20[^\n]* needs 24[^\n]*npm rebuild node[^\n]*$/;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clone-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Copies what git has of the repository, as far as it is part of the package or makes it. */
async function copyClone(name: string): Promise<Project> {
  const folders = ['lambda', 'client', 'infra', 'cli', 'local', 'scripts'];
  const files = ['build.ts', 'cdk.json', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const clone = join(folder, name);
  await Promise.all(
    [...folders, ...files, '.npmrc'].map((path) => cp(join(root, path), join(clone, path), { recursive: true })),
  );
  return projectIn(clone);
}

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
    clone = await copyClone('changed');
    await symlink(join(root, 'node_modules'), join(clone.folder, 'node_modules'));
  });

  test('deploys what the sources are now, with no build before it, and stops if they cannot be built', async () => {
    const handler = join(clone.folder, 'lambda/handler.ts');
    const source = await readFile(handler, 'utf8');
    const first = await synth();
    expect(first).toMatch(/^[0-9a-f]{64}\.zip$/);
    await writeFile(handler, `${source}\nexport const addedByTheTest = 1;\n`);
    expect(await synth()).not.toBe(first);
    await writeFile(handler, `${source}\nexport const = ;\n`);
    expect(await failureOf(synth())).toContain('lambda/handler.ts');
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

  test.runIf(proof)('start, build and synth work in Node 24, and stop in one line in Node 20', async () => {
    const clone = await copyClone('without-scripts');
    const own = { HOME: process.env.HOME ?? '' };
    const isInstalled = await clone.run('npm', ['ci', '--ignore-scripts'], own).catch(String);
    if (String(isInstalled).includes('ENOTCACHED')) {
      console.log('npm ci --ignore-scripts: did not run, because the cache of npm does not have every package.');
      return;
    }
    await clone.run('npm', ['start', '--', '--once']);
    await clone.run('npm', ['run', 'build']);
    await clone.run('npm', ['run', 'synth']);
    const old = await findNode(20);
    for (const command of old === undefined ? [] : ['start', 'build', 'test', 'synth']) {
      const variables = { PATH: `${dirname(String(old))}:/usr/bin:/bin` };
      expect(await failureOf(clone.run('npm', ['run', '--silent', command], variables))).toMatch(stops);
    }
  });
});
