// Makes dist/, all that the package contains. Run by `npm run build`; called by bench/ and by the tests of the bundles.
import { glob, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { minify } from '@swc/core';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { apart, withoutFacades, withoutFallbacks, withoutLambda, withoutUnused } from './scripts/bundle-plugins.ts';
import { writeDeclarations } from './scripts/declarations.ts';

/** Options of esbuild for the function, and for the peers that the benchmark compares it with. */
export const settings = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Bundles the function: `index.mjs` with `handler`, and `secrets-client.mjs`, which `index.mjs` loads when it reads a
 * secret. The bundle contains the SDK, so that the tested SDK is the one that runs, and not the copy of the Lambda
 * runtime. There is no source map: its readers have the sources.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildFunction(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  // If `index.mjs` shared code with the SDK's client, each start would load half of the SDK.
  const secretsApart = apart(/\/secrets-client\.ts$/, './secrets-client.mjs');
  const plugins = [withoutFacades, secretsApart, ...withoutFallbacks, ...withoutUnused];
  const shared = { ...settings, absWorkingDir: import.meta.dirname, outdir: folder, plugins };
  const index = await build({ ...shared, entryPoints: { index: 'lambda/handler.ts' } });
  const secrets = await build({ ...shared, entryPoints: { 'secrets-client': 'lambda/aws/secrets-client.ts' } });
  return {
    inputs: { ...index.metafile.inputs, ...secrets.metafile.inputs },
    outputs: { ...index.metafile.outputs, ...secrets.metafile.outputs },
  };
}

/** For files that Node may run itself: the oldest Node that callers use. */
const compiled = {
  ...settings,
  absWorkingDir: import.meta.dirname,
  outExtension: {},
  splitting: false,
  target: 'node20',
} as const satisfies BuildOptions;

/** The handler of the probe. It imports the client by this path. */
const probe = { file: 'infra/examples/handlers/probe.ts', client: /\/client\/index\.ts$/ };

/**
 * Bundles the client with its signer, as `cjs/index.js` for `require` and as `esm/index.js` for `import`. A bundler that
 * makes an ES module cannot take CommonJS that requires modules of Node, so the second is no wrapper of the first. Beside
 * the second is `probe.js`, the handler of the probe, which imports it. The folder `esm` is the code of that function.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildClient(folder: string): Promise<Metafile> {
  const shared = { ...compiled, entryPoints: { index: 'client/index.ts' }, plugins: [...withoutUnused] };
  const cjs = await startFolder(join(folder, 'cjs'), 'commonjs');
  await build({ ...shared, outdir: cjs, format: 'cjs' });
  const esm = await startFolder(join(folder, 'esm'), 'module');
  const { metafile } = await build({ ...shared, outdir: esm });
  const plugins = [apart(probe.client, './index.js')];
  await build({ ...compiled, entryPoints: { probe: probe.file }, outdir: esm, plugins });
  return metafile;
}

/** The construct needs no bundler in the user's project, so it looks for the other bundles beside its own. */
const besideTheSources = `const sourceUrl = require('node:url').pathToFileURL(require('node:path').join(__dirname, '../../infra/index.ts'));`;

/**
 * Compiles the construct: `index.js`, CommonJS as aws-cdk-lib itself. The CDK stays outside, because a construct must be
 * of the same copy of the CDK as the app.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildConstruct(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...compiled,
    entryPoints: { index: 'infra/index.ts' },
    outdir: await startFolder(folder, 'commonjs'),
    format: 'cjs',
    define: { 'import.meta.url': 'sourceUrl' },
    banner: { js: besideTheSources },
    external: ['aws-cdk-lib', 'constructs'],
    keepNames: true,
  });
  return metafile;
}

/** The first lines of the command line. commander, which is CommonJS, requires modules of Node. */
const cliStart = `#!/usr/bin/env node
import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
`;

/**
 * Bundles the command line: `main.mjs`, with the SDK inside, so that the package has no dependencies. It is the largest
 * part of the package, so a second minifier takes 6 KB off what is packed.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildCli(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'main.mjs');
  const plugins = [...withoutUnused, ...withoutLambda];
  const { metafile } = await build({ ...compiled, entryPoints: ['cli/main.ts'], outfile: file, plugins });
  const { code } = await minify(await readFile(file, 'utf8'), {
    module: true,
    ecma: 2020,
    compress: { passes: 2 },
    mangle: true,
    format: { comments: false },
  });
  await writeFile(file, cliStart + code);
  return metafile;
}

/** Empties a folder whose `.js` files are of this type. */
async function startFolder(folder: string, type: 'commonjs' | 'module'): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ type })}\n`);
  return folder;
}

/** Makes the package. The folder is emptied first, so that nothing stale is packed or deployed. */
export async function buildPackage(dist: string): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await buildFunction(join(dist, 'lambda'));
  await buildClient(join(dist, 'client'));
  await buildConstruct(join(dist, 'infra'));
  await buildCli(join(dist, 'cli'));
  await writeDeclarations({
    'client/index': join(dist, 'client/cjs'),
    'infra/index': join(dist, 'infra'),
  });
  // One set of types for both formats: a value of one is then assignable to the other, and the package is smaller.
  await writeFile(join(dist, 'client/esm/index.d.ts'), "export * from '../cjs/index.js';\n");
}

async function printSizes(dist: string): Promise<void> {
  for await (const file of glob('*/**/*.{js,mjs}', { cwd: dist })) {
    const { size } = await stat(join(dist, file));
    process.stdout.write(`${join('dist', file)} ${Math.ceil(size / 1024)} KB\n`);
  }
}

if (import.meta.main) {
  const dist = join(import.meta.dirname, 'dist');
  await buildPackage(dist);
  await printSizes(dist);
}
