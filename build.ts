// Makes dist/, all that the package contains. Run by `npm run build`; called by bench/ and by the tests of the bundles.
import { glob, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile, type StdinOptions } from 'esbuild';
import { buildCli } from './scripts/bundles/cli.ts';
import { buildFunction } from './scripts/bundles/function.ts';
import { asCommonJs, minifyAgain, minifyConstruct } from './scripts/bundles/minify.ts';
import { compiled, joined, settings } from './scripts/bundles/options.ts';
import { apart, withoutUnused } from './scripts/bundles/plugins.ts';
import { writeDeclarations } from './scripts/declarations.ts';
import { describeLicenses, licensesFile } from './scripts/licenses.ts';

/**
 * Bundles the code of the functions that call the broker: the client for `import`, `client.js`, and the handlers `index.mjs`
 * of the probe and `requests.mjs` of `FegoraRequests`, which import it. The package exports `client.js` too: a second copy
 * would be 9 KB of what is packed. The code of the client is in `client-parts.js`, which the command line imports as well:
 * its copy was 6 KB.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildProbe(folder: string): Promise<Metafile> {
  const shared = { ...compiled, outdir: await startFolder(folder, 'module') };
  const parts = await build({
    ...shared,
    stdin: await allOfClient(),
    entryNames: 'client-parts',
    plugins: [...withoutUnused],
  });
  await minifyAgain(join(folder, clientParts));
  await writeFile(join(folder, 'client.js'), `export{${await publicNames()}}from"./${clientParts}";\n`);
  const plugins = [apart(/\/client\/index\.ts$/, './client.js'), apart(clientFile, `./${clientParts}`)];
  const { outExtension } = settings;
  const entryPoints = { index: 'infra/probe/handler.ts', requests: 'infra/requests/function/handler.ts' };
  const handlers = await build({ ...shared, outExtension, entryPoints, plugins });
  await minifyAgain(join(folder, 'requests.mjs'));
  return joined(parts.metafile, handlers.metafile);
}

const clientParts = 'client-parts.js';
const clientFile = /\/client\/[a-z-]+\.ts$/;

/**
 * A module that exports what any file of the client exports, and its signer: the command line uses more than the public
 * API, and the SDK signs with the same signer.
 */
async function allOfClient(): Promise<StdinOptions> {
  const lines = ["export { SignatureV4 } from '@smithy/signature-v4';"];
  for await (const file of glob('client/*.ts', { cwd: import.meta.dirname })) {
    lines.push(`export * from './${file}';`);
  }
  // The order of the files must not change the asset of the probe.
  return { contents: lines.sort().join('\n'), resolveDir: import.meta.dirname, sourcefile: 'client/*.ts' };
}

/** The names of the values that the client's public API exports. */
async function publicNames(): Promise<readonly string[]> {
  const { metafile } = await build({ ...compiled, entryPoints: ['client/index.ts'], outdir: '.', write: false });
  return Object.values(metafile.outputs).flatMap((output) => output.exports);
}

/**
 * Writes the client for `require`, `index.js`. It is no wrapper of the client for `import`: Node 20 cannot require an ES
 * module. The name of the other file starts with `client` because npm packs files by extension and then by name.
 *
 * @param probe the folder of `buildProbe`
 */
export async function writeClient(folder: string, probe: string): Promise<void> {
  await startFolder(folder, 'commonjs');
  await writeFile(
    join(folder, 'index.js'),
    asCommonJs(await readFile(join(probe, clientParts), 'utf8'), await publicNames()),
  );
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
    // Names are left to swc, which keeps those of classes.
    ...{ minify: false, minifySyntax: true, minifyWhitespace: true },
  });
  await minifyConstruct(join(folder, 'index.js'));
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
  const deployed = await buildFunction(join(dist, 'lambda'));
  const ofFunction = await describeLicenses(deployed, import.meta.dirname);
  await writeFile(join(dist, 'lambda', licensesFile), ofFunction);
  const others = [
    await buildProbe(join(dist, 'probe')),
    await buildConstruct(join(dist, 'infra')),
    await buildCli(join(dist, 'cli')),
  ];
  await writeClient(join(dist, 'client'), join(dist, 'probe'));
  const known = { path: `lambda/${licensesFile}`, content: ofFunction };
  await writeFile(join(dist, licensesFile), await describeLicenses(joined(...others), import.meta.dirname, known));
  await writeDeclarations({ 'client/index': join(dist, 'client'), 'infra/index': join(dist, 'infra') });
  // One set of types for both formats: a value of one is then assignable to the other.
  await writeFile(join(dist, 'client/index.d.mts'), "export * from './index.js';\n");
}

async function printSizes(dist: string): Promise<void> {
  for await (const file of glob('*/**/*.{js,mjs}', { cwd: dist })) {
    const { size } = await stat(join(dist, file));
    process.stdout.write(`${join('dist', file)} ${Math.ceil(size / 1024)} KB\n`);
  }
}

if (import.meta.main) {
  const dist = join(import.meta.dirname, 'dist');
  try {
    await buildPackage(dist);
    // Synth builds too, and the sizes say nothing to the person who deploys.
    if (!process.argv.includes('--quiet')) {
      await printSizes(dist);
    }
  } catch (thrown) {
    // esbuild has printed what is wrong in the sources. tsc says it on its standard output. A stack says nothing more.
    const { errors, stdout } = Object(thrown);
    if (errors === undefined && stdout === undefined) {
      throw thrown;
    }
    process.stderr.write(stdout ?? '');
    process.exitCode = 1;
  }
}
