// Compares the pages in Spanish with their twins in English: what does not depend on the language must be the same.
import { globSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  blocksIn,
  codesIn,
  figuresIn,
  itemsIn,
  readPage,
  readSections,
  rowsIn,
  type Section,
  targetsIn,
} from '../../support/docs/page.ts';
import { readSessions } from '../../support/sessions/page.ts';

const root = join(import.meta.dirname, '../../..');

/** A page in Spanish and its twin. */
interface Twins {
  readonly spanish: string;
  readonly english: string;
  /** Pairs of sections that must say the same. */
  readonly sections: readonly { readonly heading: string; readonly es: Section; readonly en: Section }[];
}

/**
 * Pages that exist in Spanish only in part, and the chapters that they have. Below their title, they say where the rest is, so
 * their beginning is not compared.
 */
const inPart: Readonly<Record<string, readonly string[]>> = {
  'docs/operations.md': [
    'Deploy',
    'Settings',
    'Set credentials',
    'Rotate',
    'Accounts',
    'Callers',
    'Other clients of the same Fegora user',
    'When the broker protects the Fegora user',
    'A token has leaked',
    'Remove the stack',
  ],
};

const pages = ['README.es.md', ...globSync('docs/es/*.md', { cwd: root })].map((spanish): Twins => {
  const english = spanish.replace('.es.md', '.md').replace('docs/es/', 'docs/');
  const en = chaptersOf(english);
  const es = chaptersInSpanish(spanish, english);
  const sections = en.flatMap((section, index) => {
    const twin = es[index];
    return twin === undefined ? [] : [{ heading: section.heading, es: twin, en: section }];
  });
  return { spanish, english, sections };
});

/** The sections of a page in Spanish that are compared. */
function chaptersInSpanish(spanish: string, english: string): readonly Section[] {
  return readSections(spanish).slice(inPart[english] === undefined ? 0 : 1);
}

/** The sections of an English page that its twin must have. */
function chaptersOf(english: string): readonly Section[] {
  const chapters = inPart[english];
  const all = readSections(english);
  if (chapters === undefined) {
    return all;
  }
  const starts = all.map(({ level }, index) => (level === 2 ? index : -1)).filter((index) => index >= 0);
  return all.filter((_, index) => {
    const start = starts.findLast((place) => place <= index);
    return start !== undefined && chapters.includes(all[start]?.heading ?? '');
  });
}

const picturesInSpanish = globSync('docs/es/*.svg', { cwd: root });

/** Where a link of an English page leads a reader of Spanish: to the twin, if there is one, otherwise to the same place. */
function inSpanish(target: string): string {
  const picture = target.replace(/^docs\//, 'docs/es/');
  if (picturesInSpanish.includes(picture)) {
    return picture;
  }
  const [path = '', anchor] = target.split('#');
  const twins = pages.find(({ english }) => english === path);
  if (twins === undefined) {
    return target;
  }
  const section = twins.sections.find(({ en }) => en.anchor === anchor);
  if (anchor !== undefined && section === undefined) {
    return target;
  }
  return section === undefined ? twins.spanish : `${twins.spanish}#${section.es.anchor}`;
}

/** The targets of links, with paths as in the repository. */
function linksOf(page: string, prose: string): readonly string[] {
  return targetsIn(prose).map((target) => {
    const [path = '', ...anchor] = target.split('#');
    const place = path.startsWith('https:') ? path : path === '' ? page : normalize(join(dirname(page), path));
    return [place, ...anchor].join('#');
  });
}

/** Each once, in an order that does not depend on that of words in a sentence. */
function once(found: readonly string[]): readonly string[] {
  return [...new Set(found)].sort();
}

function isEnglishPage(target: string): boolean {
  const [path = ''] = target.split('#');
  return path.endsWith('.md') && !pages.some(({ spanish }) => spanish === path);
}

describe.each(pages)('promise 55: $spanish and $english', ({ spanish, english, sections }) => {
  /** Compares what a function finds in the sections of both, each with the heading in English. */
  function compare<Found>(find: (section: Section) => Found): void {
    const found = (language: 'es' | 'en') => sections.map((pair) => ({ [pair.heading]: find(pair[language]) }));
    expect(found('es')).toEqual(found('en'));
  }

  test('link to each other in their first lines', () => {
    const link = (name: string, from: string, to: string) => `[${name}](${relative(dirname(from), to)})`;
    const beginning = (page: string) => readPage(page).split('\n').slice(0, 2);
    expect(beginning(english)).toEqual([link('Español', english, spanish), '']);
    expect(beginning(spanish)).toEqual([link('English', spanish, english), '']);
  });

  test('have the same headings in the same order', () => {
    const es = chaptersInSpanish(spanish, english);
    const en = chaptersOf(english);
    const shown = en.map(({ heading }, index) => `${es[index]?.level} ${heading}`);
    expect(shown).toEqual(en.map(({ level, heading }) => `${level} ${heading}`));
    expect(es).toHaveLength(en.length);
    expect(new Set(es.map(({ anchor }) => anchor)).size).toBe(es.length);
  });

  test('have the same blocks of code, byte for byte', () => {
    compare(({ code }) => code);
  });

  test('name the same codes, settings and commands', () => {
    compare(({ prose }) => once(codesIn(prose)));
  });

  test('name the same figures', () => {
    compare(({ prose }) => figuresIn(prose).toSorted());
  });

  test('have the same rows of tables, and as many items in lists', () => {
    const parts = (row: string) => [row.split('|').length, codesIn(row).toSorted(), figuresIn(row).toSorted()];
    compare(({ prose }) => [rowsIn(prose).map(parts), itemsIn(prose).length]);
  });

  test('have the same links, to Spanish if there is Spanish', () => {
    const links = ({ es, en }: (typeof sections)[number]) => [
      once(linksOf(spanish, es.prose)),
      once(linksOf(english, en.prose).map(inSpanish)),
    ];
    const found = sections.map((pair) => [pair.heading, ...links(pair)] as const);
    expect(found.map(([heading, es]) => ({ [heading]: es }))).toEqual(
      found.map(([heading, , en]) => ({ [heading]: en })),
    );
  });
});

test('promise 55: the commands of the first hour in Spanish are those that a test runs as printed', () => {
  const sessions = readSessions('docs/es/first-hour.md');
  expect(sessions.length).toBeGreaterThan(11);
  expect(sessions).toEqual(readSessions('docs/first-hour.md'));
});

test.each(pages)('promise 55: $spanish says of every link to an English page that it is in English', ({ spanish }) => {
  for (const { prose } of readSections(spanish)) {
    const blocks = blocksIn(prose);
    // A table, a list and a picture belong to the sentence before them.
    const unsaid = blocks.filter((block, index) => {
      const told = /^ *(?:[|*]|\[!)/.test(block) ? `${blocks[index - 1] ?? ''}${block}` : block;
      return linksOf(spanish, block).some(isEnglishPage) && !/\bingl[eé]s\b/i.test(told);
    });
    expect(unsaid).toEqual([]);
  }
});

/** Words that a reader in Guatemala does not use for these things, and the familiar forms of address. */
const foreign =
  /(?<!\p{L})(?:arrendamientos?|caducidad\p{L}*|caduca\p{L}*|llamador\p{L}*|peticion\p{L}*|petición|cabeceras?|loguea\p{L}*|loguin|expira\p{L}*|tus?|puedes|debes|quieres|tienes|necesitas|ordenador\p{L}*)(?!\p{L})/giu;

test.each(pages)('promise 55: $spanish has the words of a reader in Guatemala', ({ spanish }) => {
  const prose = readSections(spanish).map(
    (section) => `${section.heading}\n${section.prose.replaceAll(/`[^`]+`/g, '')}`,
  );
  expect(prose.join('\n').match(foreign) ?? []).toEqual([]);
});
