// Measures how the sources are divided: folders, imports, names, functions. Run by `npm run structure -- [--root DIR]`.
import { globSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { optionsOf } from './arguments.ts';
import { readFrames } from './frames.ts';
import { longestChain, readImports } from './imports.ts';
import { readSources, type SourceCode } from './source-code.ts';
import { countIdentifiers, countProse } from './words.ts';

const folders = ['lambda', 'client', 'infra', 'cli', 'local', 'scripts', 'bench', 'examples', 'test', 'docs'];

/** One line of the table: what is measured, the value, and what it consists of. */
type Row = readonly [what: string, value: string | number, details: string];

function fullestFolder(root: string, top: string): Row {
  const files = globSync(`${top}/**/*.*`, { cwd: root }).filter((path) => !path.includes('node_modules/'));
  const counts = new Map<string, number>();
  for (const folder of files.map(dirname)) {
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const [[folder, count] = ['', 0]] = [...counts].sort(([, one], [, other]) => other - one);
  return [`files in the fullest folder of ${top}/`, count, folder];
}

async function importRows(root: string): Promise<Row[]> {
  const { imports, cycles } = await readImports(root, ['lambda']);
  const chain = longestChain(imports);
  return [
    ['longest import chain of lambda/, files', chain.length, chain.map((path) => path.slice(7)).join(' > ')],
    ['cycles in lambda/, types included', cycles.length, cycles.map((cycle) => cycle.join(' > ')).join('; ')],
  ];
}

function nameRow(sources: readonly SourceCode[]): Row {
  const files = new Map<string, Set<string>>();
  for (const { path, declared } of sources) {
    for (const name of declared) {
      files.set(name, (files.get(name) ?? new Set()).add(path));
    }
  }
  const twice = [...files].filter(([, paths]) => paths.size > 1).map(([name]) => name);
  return ['names declared in two files of lambda/', twice.length, twice.join(', ')];
}

function functionRows(sources: readonly SourceCode[]): Row[] {
  const all = sources.flatMap(({ path, functions }) => functions.map((lengths) => ({ path, ...lengths })));
  const byOwn = all.toSorted((one, other) => other.ownLines - one.ownLines);
  const byAll = all.toSorted((one, other) => other.lines - one.lines);
  return [
    ['functions in lambda/', all.length, ''],
    ['median own lines of a function', byOwn[Math.floor(byOwn.length / 2)]?.ownLines ?? 0, ''],
    ['own lines of the longest function', byOwn[0]?.ownLines ?? 0, byOwn[0]?.path ?? ''],
    ['lines of the longest function, all in all', byAll[0]?.lines ?? 0, byAll[0]?.path ?? ''],
  ];
}

/** Maps by a string in the core: all of lambda/ that is not about events, AWS, Fegora or telemetry. */
function mapRow(sources: readonly SourceCode[]): Row {
  const hasRooms = sources.some(({ path }) => path.startsWith('lambda/broker/'));
  const core = sources.filter(({ path }) => !hasRooms || path.startsWith('lambda/broker/'));
  const found = core.flatMap(({ path, text }) => (text.match(/new Map<string/g) ?? []).map(() => path));
  return [`Maps by a string in ${hasRooms ? 'lambda/broker/' : 'lambda/'}`, found.length, found.join(', ')];
}

async function frameRow(root: string): Promise<Row> {
  const frames = await readFrames(root);
  const files = new Set(frames.map(({ file }) => file));
  const names = frames.map(({ name }) => name).join(' < ');
  return ['own frames at the POST / their files', `${frames.length} / ${files.size}`, names];
}

async function measure(root: string): Promise<Row[]> {
  const lambda = readSources(root, ['lambda']);
  const all = readSources(root, folders);
  const [identifiers, prose] = [countIdentifiers(all), countProse(root, all)];
  return [
    ...folders.map((folder) => fullestFolder(root, folder)),
    ...(await importRows(root)),
    await frameRow(root),
    mapRow(lambda),
    nameRow(lambda),
    ...functionRows(lambda),
    ['private words in identifiers', identifiers.total, identifiers.words],
    ['avoided words in prose', prose.total, prose.words],
  ];
}

const usage = `Measures the structure of the sources.

  npm run structure -- [--root <folder>]
`;

const values = optionsOf(usage, { root: { type: 'string', default: '.' } });
for (const [what, value, details] of await measure(resolve(values.root))) {
  console.log(`${what.padEnd(42)} ${String(value).padStart(7)}  ${details}`);
}
