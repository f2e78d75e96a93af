// Bundles the command line. Called by ../../build.ts, and by function.ts for what the command line takes from the function.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { minifyAgain } from './minify.ts';
import { compiled } from './options.ts';
import { apart, withoutLambda, withoutUnused } from './plugins.ts';
import { coreModules, secretsClient } from './secrets-client.ts';
import { type Needed, neededOf, takingFrom } from './sharing.ts';

/** The first lines. commander, which is CommonJS, requires modules of Node. */
const start = `#!/usr/bin/env node
import './start.mjs';
import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
`;

/** What comes before all other imports: the function's bundle gets modules of Node by a function that Node has since 20.16. */
const beforeImports = `import { createRequire } from 'node:module'; process.getBuiltinModule ??= createRequire(import.meta.url);
`;

/** The client and its signer come from the folder of `buildProbe`. */
const inProbe = [/\/client\/[a-z-]+\.ts$/, /^@smithy\/signature-v4$/].map((file) =>
  apart(file, '../probe/client-parts.js'),
);
const options = { ...compiled, entryPoints: ['cli/main.ts'] };
const plugins = [...inProbe, ...withoutUnused, ...withoutLambda];

/** What the command line takes from the function's client of Secrets Manager. */
export async function neededByCli(): Promise<Needed> {
  const draft = { ...options, outfile: 'main.mjs', minify: false, write: false } as const;
  const { outputFiles } = await build({ ...draft, plugins: [takingFrom(await coreModules()), ...plugins] });
  return neededOf(outputFiles);
}

/**
 * Bundles the command line: `main.mjs`, with the SDK inside, so that the package has no dependencies. It imports the client
 * and its signer from the folder `../probe`, and the core of the SDK from the function's bundle in `../lambda`.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildCli(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'main.mjs');
  const taking = takingFrom(await coreModules(), `../lambda/${secretsClient}.mjs`);
  const { metafile } = await build({ ...options, outfile: file, plugins: [taking, ...plugins] });
  await minifyAgain(file);
  await writeFile(file, start + (await readFile(file, 'utf8')));
  await writeFile(join(folder, 'start.mjs'), beforeImports);
  return metafile;
}
