// What all bundles are built with. Called by the other files here, ../../build.ts and bench/.
import type { BuildOptions, Metafile } from 'esbuild';
import { root } from './plugins.ts';

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

/** For files that Node may run itself: the oldest Node that callers use. */
export const compiled = {
  ...settings,
  absWorkingDir: root,
  outExtension: {},
  splitting: false,
  target: 'node20',
} as const satisfies BuildOptions;

/** What esbuild reports about several builds, as one. */
export function joined(...metafiles: readonly Metafile[]): Metafile {
  return {
    inputs: Object.assign({}, ...metafiles.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...metafiles.map(({ outputs }) => outputs)),
  };
}
