// Loads modules of examples/ in the process of a test, with the sources of this repository as the package. Used by tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** The folder of the examples. */
export const examples = join(root, 'examples');

/**
 * Bundles a module and loads it, each time as a new module with a state of its own.
 *
 * @param path relative to `examples/`
 */
export async function loadExample(path: string) {
  const folder = await mkdtemp(join(tmpdir(), 'example-'));
  const outfile = join(folder, 'index.mjs');
  await build({
    entryPoints: [join(examples, path)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: { 'fegora-token-broker/client': join(root, 'client/index.ts') },
  });
  const loaded = await import(pathToFileURL(outfile).href);
  await rm(folder, { recursive: true });
  return loaded;
}
