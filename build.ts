import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';

const entry = fileURLToPath(new URL('lambda/handler.ts', import.meta.url));

/** How the function is bundled, and in the benchmark everybody it is measured against. */
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
 * Bundles the function: `index.mjs` with `handler`, and chunks for what most invocations do not need. Nothing comes from
 * the runtime's own copy of the SDK: what was tested is what runs. No source map: it would only be read by people, who
 * have the sources.
 *
 * @returns what went into it, by esbuild's account
 */
export async function buildFunction(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({ ...settings, entryPoints: { index: entry }, outdir: folder });
  return metafile;
}

if (import.meta.main) {
  const { outputs } = await buildFunction(fileURLToPath(new URL('dist/lambda', import.meta.url)));
  for (const [file, { bytes }] of Object.entries(outputs)) {
    process.stdout.write(`${file} ${Math.ceil(bytes / 1024)} KB\n`);
  }
}
