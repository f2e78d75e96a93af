// Writes the declarations of the package: what its public API reaches, and nothing else. Called by ../build.ts.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
/** The specifier of a relative import in a declaration. */
const imported = /(?<=\bfrom '|\bimport\(["'])(\.{1,2}\/[^'"]+)\.ts(?=['"])/g;

/**
 * Writes the declarations of entry points.
 *
 * @param entries for each entry point (path without extension, from the root) the folder that gets its declarations. What
 *   an entry reaches must be below the folder of the entry
 * @throws Error if tsc finds a fault
 */
export async function writeDeclarations(entries: Readonly<Record<string, string>>): Promise<void> {
  const all = await mkdtemp(join(tmpdir(), 'declarations-'));
  try {
    await run(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      all,
    ]);
    for (const [entry, folder] of Object.entries(entries)) {
      const files = await reachableFrom(join(all, `${entry}.d.ts`));
      await copyAll(files, join(all, dirname(entry)), folder);
    }
  } finally {
    await rm(all, { recursive: true });
  }
}

/** Contents by path. The imports name the JavaScript files, as every version of TypeScript and of its resolution reads them. */
async function reachableFrom(entry: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const paths = [entry];
  for (const path of paths) {
    const text = await readFile(path, 'utf8');
    const found = [...text.matchAll(imported)].map(([, specifier = '']) => `${resolve(dirname(path), specifier)}.d.ts`);
    paths.push(...found.filter((other) => !paths.includes(other)));
    files.set(path, text.replace(imported, '$1.js'));
  }
  return files;
}

/** @throws Error if a file is not below the folder `from` */
async function copyAll(files: ReadonlyMap<string, string>, from: string, to: string): Promise<void> {
  for (const [path, text] of files) {
    const place = relative(from, path);
    if (place.startsWith('..')) {
      throw new Error(`The public types reach ${place}: move the type, or do not export it.`);
    }
    const target = join(to, place);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}
