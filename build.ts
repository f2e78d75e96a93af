// Makes dist/, all that the package contains. Run by `npm run build`; called by bench/ and by the tests of the bundles.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
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
 * Takes only the used exports of Node's modules. An ES import of a module evaluates all exports of that module: an import
 * of `node:http` loads undici (for `WebSocket`), an import of `node:crypto` loads Web Crypto. The function needs neither.
 */
const withoutFacades: Plugin = {
  name: 'without-facades',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'node' } : undefined));
    onLoad({ filter: /./, namespace: 'node' }, ({ path }) => ({ contents: exportsOf(path) }));
  },
};

/** Gets each export by a call that is marked as pure, so that esbuild drops the exports that no file imports. */
function exportsOf(module: string): string {
  const names = Object.keys(process.getBuiltinModule(module) ?? {}).filter((name) => name !== 'default');
  return [
    `const $module = process.getBuiltinModule(${JSON.stringify(module)}), $take = (name) => $module[name];`,
    'export default $module;',
    ...names.map((name) => `export const ${name} = /* @__PURE__ */ $take('${name}');`),
  ].join('\n');
}

/** Bundles `secrets-client.ts` apart. If `index.mjs` shared code with it, each start would load half of the SDK. */
const secretsClientApart: Plugin = {
  name: 'secrets-client-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/secrets-client\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './secrets-client.mjs', external: true } : undefined,
    );
  },
};

/** Replaces packages that would be loaded in vain. */
function without(name: string, filter: RegExp, exports: string): Plugin {
  return {
    name,
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter }, ({ path }) => ({ path, namespace: name }));
      onLoad({ filter: /./, namespace: name }, () => ({ contents: `export const ${exports};` }));
    },
  };
}

/** Leaves out the SDK's default credentials and HTTP client. The function passes its own to the SDK's client. */
const withoutFallbacks = without(
  'fallback',
  /^@aws-sdk\/credential-provider-node$|^@smithy\/node-http-handler$/,
  'defaultProvider = null, streamCollector = null, NodeHttpHandler = { create: (own) => own }',
);

/** Leaves out what the SDK has for browsers and for streams of events, which Secrets Manager does not send. */
const withoutStreams = without(
  'streams',
  /^bowser$|^@smithy\/core\/event-streams$/,
  'EventStreamSerde = null, eventStreamSerdeProvider = null',
);

/**
 * Bundles the function: `index.mjs` with `handler`, and `secrets-client.mjs`, which `index.mjs` loads when it reads a
 * secret. The bundle contains the SDK, so that the tested SDK is the one that runs, and not the copy of the Lambda
 * runtime. There is no source map: its readers have the sources.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildFunction(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const plugins = [withoutFacades, secretsClientApart, withoutFallbacks, withoutStreams];
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

/**
 * Bundles the client with its signer, as `cjs/index.js` for `require` and as `esm/index.js` for `import`. A bundler that
 * makes an ES module cannot take CommonJS that requires modules of Node, so the second is no wrapper of the first.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildClient(folder: string): Promise<Metafile> {
  const shared = { ...compiled, entryPoints: { index: 'client/index.ts' } };
  const cjs = await startFolder(join(folder, 'cjs'), 'commonjs');
  await build({ ...shared, outdir: cjs, format: 'cjs' });
  const esm = await startFolder(join(folder, 'esm'), 'module');
  return (await build({ ...shared, outdir: esm })).metafile;
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
    plugins: [withoutStreams],
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
    'client/index': [join(dist, 'client/cjs'), join(dist, 'client/esm')],
    'infra/index': [join(dist, 'infra')],
  });
  for (const { outputs } of Object.values(parts)) {
    for (const [file, { bytes }] of Object.entries(outputs)) {
      process.stdout.write(`${file} ${Math.ceil(bytes / 1024)} KB\n`);
    }
  }
}

if (import.meta.main) {
  await buildPackage(join(import.meta.dirname, 'dist'));
}
