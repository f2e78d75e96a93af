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
 * @param entries for each entry point (path without extension, from the root) the folders that get its declarations; an
 *   entry and what it reaches must be in one folder of the sources
 * @throws Error if tsc finds a fault
 */
export async function writeDeclarations(entries: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const all = await mkdtemp(join(tmpdir(), 'declarations-'));
  try {
    await run(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      all,
    ]);
    for (const [entry, folders] of Object.entries(entries)) {
      const files = await reachableFrom(join(all, `${entry}.d.ts`));
      await Promise.all(folders.map((folder) => copyAll(files, join(all, dirname(entry)), folder)));
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

async function copyAll(files: ReadonlyMap<string, string>, from: string, to: string): Promise<void> {
  for (const [path, text] of files) {
    const target = join(to, relative(from, path));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}
