// Tests that the version of the package has one place, package.json, and that CHANGELOG.md agrees with it.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { findNotes, readEntries } from '../../../scripts/release-notes.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const version: string = JSON.parse(read('package.json')).version;
const entries = readEntries(read('CHANGELOG.md'));

/** The files that people write: neither installed nor built. */
function sources(): string[] {
  const notOurs = [
    'node_modules',
    '.git',
    'dist',
    'cdk.out',
    'coverage',
    'reports',
    '.stryker-tmp',
    'package-lock.json',
  ];
  const isSource = /(\.(ts|mts|mjs|js|json|md|ya?ml|sh)|\.ci\/run)$/;
  const isOurs = (name: string) => !notOurs.includes(basename(name));
  const files = globSync(['**/*', '.*', '.*/**/*'], { cwd: root, exclude: (name) => !isOurs(name) });
  return files.filter((file) => isSource.test(file) && isOurs(file));
}

test('the newest release in the changelog is the version of package.json', () => {
  expect(entries.map((entry) => entry.version)).toContain('Unreleased');
  expect(findNotes(`v${version}`, version, read('CHANGELOG.md'))).not.toBe('');
});

test('the changelog starts with Unreleased, and its releases have a date, the newest first', () => {
  const [unreleased, ...releases] = entries;
  const dates = releases.map(({ date }) => date ?? '');

  expect(unreleased).toMatchObject({ version: 'Unreleased' });
  expect(releases.filter((entry) => !/^\d+\.\d+\.\d+$/.test(entry.version))).toEqual([]);
  expect(dates.filter((date) => !/^\d{4}-\d{2}-\d{2}$/.test(date))).toEqual([]);
  expect(dates).toEqual([...dates].sort().reverse());
});

test('the changelog has only the kinds of changes of Keep a Changelog', () => {
  const kinds = new Set(entries.flatMap(({ notes }) => [...notes.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind)));

  expect([...kinds].filter((kind) => !/^(Added|Changed|Deprecated|Removed|Fixed|Security)$/.test(kind ?? ''))).toEqual(
    [],
  );
});

test('the changelog has no relative link, because GitHub shows it as the notes of a release, too', () => {
  const links = [...read('CHANGELOG.md').matchAll(/\]\(([^)]*)\)/g)].map(([, address = '']) => address);

  expect(links.filter((address) => !address.startsWith('https://'))).toEqual([]);
});

test('no other file repeats the version, except lockfiles, which npm writes', () => {
  const pattern = new RegExp(`(?<![\\d.])${version.replaceAll('.', '\\.')}(?![\\d.-])`);
  const own = new Set(['package.json', 'CHANGELOG.md']);
  const files = sources();

  expect(files).toContain('.github/workflows/release.yml');
  expect(files.filter((file) => !own.has(file) && pattern.test(read(file)))).toEqual([]);
});

test('the lockfile has the version of package.json', () => {
  const lock = JSON.parse(read('package-lock.json'));

  expect([lock.version, lock.packages[''].version]).toEqual([version, version]);
});
