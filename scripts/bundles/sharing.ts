// Lets a bundle take modules from another one, in place of a second copy. Called by function.ts and ../../build.ts.
import { join, relative } from 'node:path';
import type { Metafile, OutputFile, Plugin } from 'esbuild';
import { root } from './plugins.ts';

/** The modules of a bundle: their paths in the project, and how many bytes each has there. */
export type Contents = ReadonlyMap<string, number>;

/** Names that others take from a bundle, by the path of the module that exports them. */
export type Needed = ReadonlyMap<string, ReadonlySet<string>>;

const mark = 'taken:';

/** The modules of which a bundle contains at least one byte. */
export function contentsOf({ outputs }: Metafile): Contents {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const sizes = inputs.map(([input, { bytesInOutput }]) => [input, bytesInOutput] as const);
  return new Map(sizes.filter(([, bytes]) => bytes > 0));
}

/**
 * Imports these modules from a bundle. Without its path, the bundle is a draft: `neededOf` reads what it needs. It knows only
 * relative imports, because lists of exports are never shared.
 */
export function takingFrom(modules: ReadonlySet<string>, bundle?: string): Plugin {
  return {
    name: 'taking',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        const file = relative(root, join(resolveDir, path));
        const module = [file, `${file}.js`].find((one) => modules.has(one));
        return module === undefined || kind === 'entry-point'
          ? undefined
          : { path: bundle ?? mark + module, external: true };
      });
    },
  };
}

/** What drafts need that were not minified. */
export function neededOf(drafts: readonly OutputFile[]): Needed {
  const imports = drafts.flatMap(({ text }) => [...text.matchAll(/^import \{([^}]+)\} from "taken:(.+)";$/gm)]);
  const needed = new Map<string, Set<string>>();
  for (const [, list = '', module = ''] of imports) {
    const names = list.split(',').map((name) => name.trim().replace(/ as .*/, ''));
    needed.set(module, new Set([...(needed.get(module) ?? []), ...names]));
  }
  return needed;
}

/** The statements by which a bundle exports what others need, in an order that does not depend on theirs. */
export function exportsOf(needed: Needed): string {
  const lines = [...needed].map(([module, names]) => `export { ${[...names].sort().join(', ')} } from './${module}';`);
  return lines.sort().join('\n');
}
