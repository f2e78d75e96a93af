// Reads which file imports which file, types included. Used by picture.ts and structure.ts.
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';

const configuration = join(import.meta.dirname, '../.dependency-cruiser.mjs');

/** Our own files, each with the files of ours that it imports. Paths are relative to the root. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the imports of every source file of `folders`.
 *
 * @param root absolute path of the repository
 * @returns the imports, and the cycles as lists of files
 */
export async function readImports(root: string, folders: readonly string[]) {
  const options = await extractDepcruiseOptions(configuration);
  const { output } = await cruise([...folders], { ...options, baseDir: root });
  const { modules, summary } = output as ICruiseResult; // a string only if an output type was asked for
  const own = modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
  const names = new Set(own.map(({ source }) => source));
  const imports: Imports = new Map(
    own.map(({ source, dependencies }) => [
      source,
      dependencies.map(({ resolved }) => resolved).filter((resolved) => names.has(resolved)),
    ]),
  );
  const cycles = summary.violations.flatMap(({ cycle }) =>
    cycle === undefined ? [] : [cycle.map(({ name }) => name)],
  );
  return { imports, cycles };
}
