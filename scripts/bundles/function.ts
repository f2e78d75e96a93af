// Bundles the function: one file that every invocation loads, and what that loads when it is needed. Called by ../../build.ts and bench/.
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { neededByCli } from './cli.ts';
import { minifyAgain } from './minify.ts';
import { joined, settings } from './options.ts';
import { apart, root } from './plugins.ts';
import { buildSecretsClient, functionPlugins, secretsClient } from './secrets-client.ts';
import { contentsOf, exportsOf, neededOf, takingFrom } from './sharing.ts';

const handler = 'lambda/handler.ts';

/** What `index.mjs` loads only when it is needed, by the name of its bundle. */
const loadedLater = {
  admin: 'lambda/events/admin.ts',
  warmup: 'lambda/events/warmup.ts',
  'send-due': 'lambda/aws/due/send-due.ts',
  'item-reset': 'lambda/aws/item-reset.ts',
} as const;

// If `index.mjs` shared code with the SDK's client, each start would load half of the SDK.
const separated = [secretsClient, ...Object.values(loadedLater).map((file) => basename(file, '.ts'))].map((name) =>
  apart(new RegExp(`/${name}\\.ts$`), `./${name}.mjs`),
);

/**
 * Bundles the function: `index.mjs` with `handler`; what it loads later; and `secrets-client.mjs`, which it loads when it
 * reads a secret. The bundle contains the SDK, so that the tested SDK is the one that runs, and not the copy of the Lambda
 * runtime. There is no source map: its readers have the sources.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildFunction(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const secrets = await buildSecretsClient(folder, await neededByCli());
  const index = await buildIndex(folder);
  const later = await build({
    ...optionsOf(folder, takingFrom(modulesOf(index), './index.mjs')),
    entryPoints: loadedLater,
  });
  const names = ['index', secretsClient, ...Object.keys(loadedLater)];
  await Promise.all(names.map((name) => minifyAgain(join(folder, `${name}.mjs`))));
  return joined(secrets, index, later.metafile);
}

/** Bundles `index.mjs`. It exports also what the bundles need that it loads later, so that they have no copy of it. */
async function buildIndex(folder: string): Promise<Metafile> {
  const options = optionsOf(folder);
  const { metafile } = await build({ ...options, write: false, entryPoints: { index: handler } });
  const drafts = { ...optionsOf(folder, takingFrom(modulesOf(metafile))), minify: false, write: false } as const;
  const { outputFiles } = await build({ ...drafts, entryPoints: loadedLater });
  const contents = `export * from './${handler}';\n${exportsOf(neededOf(outputFiles))}`;
  const stdin = { contents, resolveDir: root, sourcefile: 'lambda/exports' };
  const built = await build({ ...options, stdin, entryNames: 'index' });
  return built.metafile;
}

function optionsOf(outdir: string, ...taking: readonly Plugin[]) {
  return {
    ...settings,
    splitting: false,
    absWorkingDir: root,
    outdir,
    plugins: [...taking, ...separated, ...functionPlugins],
  };
}

function modulesOf(metafile: Metafile): ReadonlySet<string> {
  return new Set(contentsOf(metafile).keys());
}
