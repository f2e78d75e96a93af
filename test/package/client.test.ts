// The client from the tarball, in foreign projects with the tools of this repository: types, bundles, versions of Node.
import { globSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerNodes, findNode } from '../support/nodes.ts';
import {
  handlerSource,
  importScript,
  type LocalBroker,
  requireScript,
  runHandler,
  startLocalBroker,
} from './caller.ts';
import { freshFlags } from './cdk.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';
import { root } from './tarball.ts';

const tsc = join(root, 'node_modules/typescript/bin/tsc');
let workshop: Workshop;
let broker: LocalBroker;
let project: Project;
/** Bytes of the client in a default bundle, by the name of the bundler. */
const sizes: Record<string, number> = {};

beforeAll(async () => {
  [workshop, broker] = await Promise.all([openWorkshop(), startLocalBroker()]);
  project = await workshop.startProject('caller', {
    'handler.ts': handlerSource,
    'handler.mts': handlerSource,
    'script.mjs': importScript,
    'script.cjs': requireScript,
  });
});
afterAll(async () => {
  await broker.close();
  await workshop.close();
  console.log(
    ['client in a default bundle', ...Object.entries(sizes).map(([of, size]) => `${size} ${of}`)].join('\n  '),
  );
});

/** Runs the handler of a bundle, and remembers the bundle's size. */
async function runBundle(bundler: string, file: string): Promise<unknown> {
  sizes[bundler] = (await stat(join(project.folder, file))).size;
  return JSON.parse(await project.run('node', ['--eval', runHandler, join(project.folder, file)], broker.variables));
}

const gotToken = () => ({ fingerprint: broker.fingerprint, status: 200, isClass: true });

test('promise 50: installs nothing but the package', async () => {
  expect(await project.installed()).toEqual(['fegora-token-broker']);
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
});

test.each([
  ['commonjs', 'bundler'],
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('promise 49: the client compiles with TypeScript 7, module %s and resolution %s', async (module, resolution) => {
  const name = `tsconfig.${module}.json`;
  await project.write({ [name]: tsconfig(module, resolution) });
  expect(await project.run('node', [tsc, '-p', name])).toBe('');
});

function tsconfig(module: string, moduleResolution: string): object {
  const target = { target: 'es2022', lib: ['es2022'], types: ['node'], typeRoots: [join(root, 'node_modules/@types')] };
  return {
    compilerOptions: { ...target, module, moduleResolution, strict: true, noEmit: true },
    files: module.startsWith('node') ? ['handler.ts', 'handler.mts'] : ['handler.ts'],
  };
}

describe.each(callerNodes)('in Node %d', (major) => {
  test.each([
    ['import', 'script.mjs'],
    ['require', 'script.cjs'],
  ])(`promise 49: %s of the client gets a token in Node ${major}, if it is installed`, async (_, script) => {
    const node = await findNode(major);
    const out = node === undefined ? undefined : await project.run(node, [script], broker.variables);
    expect(out === undefined ? broker.fingerprint : JSON.parse(out).fingerprint).toBe(broker.fingerprint);
  });
});

test('promise 49 and 50: esbuild with its defaults bundles the client in at most 40 KB, and it gets a token', async () => {
  const options = ['--bundle', '--platform=node', '--outfile=esbuild/index.js'];
  await project.run(join(root, 'node_modules/.bin/esbuild'), ['handler.ts', ...options]);
  expect(await runBundle('esbuild', 'esbuild/index.js')).toEqual(gotToken());
  expect(sizes.esbuild).toBeLessThanOrEqual(40_000);
});

test('promise 49 and 50: NodejsFunction bundles the client in at most 40 KB, and it gets a token', async () => {
  await project.write({
    'app.cjs': nodejsFunctions,
    'cdk.json': { context: await freshFlags() },
    'package-lock.json': {},
  });
  await project.run('node', ['app.cjs']);
  expect(await runBundle('NodejsFunction, CommonJS', bundleOf('js'))).toEqual(gotToken());
  expect(await runBundle('NodejsFunction, ES module', bundleOf('mjs'))).toEqual(gotToken());
  expect(Math.max(...Object.values(sizes))).toBeLessThanOrEqual(40_000);
});

/** A CDK app with the handler twice: with the defaults of NodejsFunction, and as an ES module. */
const nodejsFunctions = `
const { App, Stack } = require('aws-cdk-lib');
const { NodejsFunction, OutputFormat } = require('aws-cdk-lib/aws-lambda-nodejs');
const app = new App({ context: require('./cdk.json').context, outdir: 'cdk.out' });
const stack = new Stack(app, 'Callers');
const entry = 'handler.ts';
new NodejsFunction(stack, 'Default', { entry });
new NodejsFunction(stack, 'Esm', { entry, bundling: { format: OutputFormat.ESM } });
app.synth();
`;

/** @throws AssertionError if there is not exactly one bundle with this extension */
function bundleOf(extension: string): string {
  const files = globSync(`cdk.out/asset.*/index.${extension}`, { cwd: project.folder });
  expect(files).toHaveLength(1);
  return files.join();
}

test('promise 49: vitest of a foreign project runs the client', async () => {
  await project.write({ 'caller.test.ts': vitestSource });
  const out = await project.run(join(root, 'node_modules/.bin/vitest'), ['run', '--root', '.'], broker.variables);
  expect(out).toContain('1 passed');
});

const vitestSource = `
import { expect, test } from 'vitest';
import { handler } from './handler';

test('gets a token', async () => {
  expect(await handler()).toMatchObject({ status: 200 });
});
`;

test('promise 49: the command line of the package gets a token', async () => {
  const { FEGORA_BROKER_ENDPOINT: endpoint = '', FEGORA_BROKER_ACCOUNT: account = '' } = broker.variables;
  const args = ['token', account, '--endpoint', endpoint, '--output', 'json'];
  const out = await project.run('node_modules/.bin/fegora-broker', args, broker.variables);
  expect(JSON.parse(out)).toMatchObject({ account, token_sha256: broker.fingerprint });
});
