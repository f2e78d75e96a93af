// Makes the tarball of the package in a temporary folder, as `npm pack` does. Used by the tests of this folder.
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPackage } from '../../build.ts';
import { runIn } from './process.ts';

export const root = join(import.meta.dirname, '../..');

/** A packed package. */
export interface Tarball {
  /** Absolute path. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Paths of its files. */
  readonly files: readonly string[];
}

/** Much of what a clone has, so that the tarball would contain it if `files` of package.json named it. */
const clone = [
  'package.json',
  'README.md',
  'README.es.md',
  'LICENSE',
  'CHANGELOG.md',
  'build.ts',
  'lambda',
  'client',
  'infra',
  'cli',
  'docs',
];

/**
 * Builds and packs the package in `folder`. `npm pack` in the repository would build `dist/`, and other tests may use that
 * folder at the same time.
 */
export async function packPackage(folder: string): Promise<Tarball> {
  const source = join(folder, 'package');
  await mkdir(source);
  await Promise.all(clone.map((path) => cp(join(root, path), join(source, path), { recursive: true })));
  await buildPackage(join(source, 'dist'));
  const packed = await runIn(source, 'npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
  const [{ filename, size, files }] = JSON.parse(packed);
  return { path: join(folder, filename), size, files: files.map(({ path }: { path: string }) => path) };
}
