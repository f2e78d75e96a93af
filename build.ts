// Makes dist/, all that the package contains. Run by `npm run build`; called by bench/ and by the tests of the bundles.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const shared = { ...compiled, entryPoints: { index: 'client/index.ts' } };
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

/**
 * Bundles the command line: `main.mjs`, with the SDK inside, so that the package has no dependencies.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildCli(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const options = { ...compiled, outExtension: settings.outExtension, absWorkingDir: import.meta.dirname };
  const requires = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const { metafile } = await build({
    ...options,
    entryPoints: { main: 'cli/main.ts' },
    outdir: folder,
    plugins: [...withoutUnused, ...withoutLambda],
    banner: { js: `#!/usr/bin/env node\n${requires}` },
  });
  return metafile;
}

/** Empties a folder whose `.js` files are of this type. */
async function startFolder(folder: string, type: 'commonjs' | 'module'): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ type })}\n`);
  return folder;
}

async function buildPackage(dist: string): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  const parts = {
    lambda: await buildFunction(join(dist, 'lambda')),
    client: await buildClient(join(dist, 'client')),
    infra: await buildConstruct(join(dist, 'infra')),
    cli: await buildCli(join(dist, 'cli')),
  };
  await writeDeclarations({
    'client/index': join(dist, 'client/cjs'),
    'infra/index': join(dist, 'infra'),
  });
  // One set of types for both formats: a value of one is then assignable to the other, and the package is smaller.
  await writeFile(join(dist, 'client/esm/index.d.ts'), "export * from '../cjs/index.js';\n");
  for (const { outputs } of Object.values(parts)) {
    for (const [file, { bytes }] of Object.entries(outputs)) {
      process.stdout.write(`${file} ${Math.ceil(bytes / 1024)} KB\n`);
    }
  }
}

if (import.meta.main) {
  await buildPackage(join(import.meta.dirname, 'dist'));
}
