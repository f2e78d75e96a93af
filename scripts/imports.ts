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

function reachable(imports: Imports, from: string, seen = new Set<string>()): Set<string> {
  for (const file of imports.get(from) ?? []) {
    if (!seen.has(file)) {
      seen.add(file);
      reachable(imports, file, seen);
    }
  }
  return seen;
}

/** The longest chain of files of which each imports the next. Counts all files of a cycle: without cycles it is exact. */
export function longestChain(imports: Imports): string[] {
  const reach = new Map([...imports.keys()].map((file) => [file, reachable(imports, file)]));
  const longest = new Map<string, string[]>();
  const chainFrom = (file: string): string[] => {
    const known = longest.get(file);
    if (known !== undefined) {
      return known;
    }
    const isInCycle = (other: string) => reach.get(file)?.has(other) === true && reach.get(other)?.has(file) === true;
    const cycle = [file, ...[...imports.keys()].filter((other) => other !== file && isInCycle(other))];
    const next = cycle.flatMap((member) => imports.get(member) ?? []).filter((other) => !cycle.includes(other));
    const chains = next.map(chainFrom).sort((one, other) => other.length - one.length);
    const chain = [...cycle, ...(chains[0] ?? [])];
    longest.set(file, chain);
    return chain;
  };
  return [...imports.keys()].map(chainFrom).sort((one, other) => other.length - one.length)[0] ?? [];
}
