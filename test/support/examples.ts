// Loads modules of examples/ in the process of a test, with the sources of this repository as the package. Used by tests.
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** The folder of the examples. */
export const examples = join(root, 'examples');

/**
 * Loads a module. `vitest.config.ts` has what it imports as `fegora-token-broker`.
 *
 * @param path relative to `examples/`
 */
export async function loadExample(path: string) {
  return import(join(examples, path));
}
