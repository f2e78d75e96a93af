// Counts words that this project no longer uses, in identifiers and in prose. Called by structure.ts.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceCode } from './source-code.ts';

/** Metaphors that are counted wherever they are a part of an identifier: `lastFlight`, `flightOf`. */
const parts = new Set(
  `desk crew trip errand surroundings flight flights airborne landing landed fly depart recollection proven proving sick
  upkeep lanes patience universe judge weather dice gates spare undone blame yield`.split(/\s+/),
);

/** Words that are counted only as a whole identifier, because they have a plain meaning in others. */
const wholes = new Set(
  `Parts Outcome land Want purpose stand Held Known Mark mark nextTry hold Hold edge Call Order press
  peace Ask Question brief`.split(/\s+/),
);

/** Names of the table (`proven`) and of the log (`authority`), also of certificates; `memory` that a process uses. */
const kept = new Set(['proven', 'authority', 'memory']);

/** Words of the field that have one of the words above in them. */
const field = /(single|in)Flights?/gi;

/** «There is no …» and «is no longer» are plain English. */
const proseWords = ['alone', 'whoever', 'nobody', 'but for', '(?<!there )is no(?! longer)', 'for ever'];

/** Counts by word, for example `flight 3, hold 1`, the most frequent first. */
export interface Counts {
  readonly total: number;
  readonly words: string;
}

function countEach(found: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const word of found) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return { total: found.length, words: sorted.map(([word, count]) => `${word} ${count}`).join(', ') };
}

/** The words of the list that are still identifiers, or parts of identifiers. */
export function countIdentifiers(sources: readonly SourceCode[]): Counts {
  return countEach(
    sources
      .flatMap(({ identifiers }) => identifiers)
      .filter((name) => !kept.has(name))
      .flatMap((name) => {
        const words = name
          .replace(field, '')
          .split(/(?=[A-Z])|_/)
          .map((word) => word.toLowerCase());
        return wholes.has(name) ? [name] : words.filter((word) => parts.has(word));
      }),
  );
}

const comment = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/gm;
const testName = /\b(?:test|it|describe)(?:\.\w+)*(?:\([^()]*\))?\(\s*(['"`])(.*?)\1/g;

/** The words in comments, in names of tests and in the pages (`*.md`). */
export function countProse(root: string, sources: readonly SourceCode[]): Counts {
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).map((page) => readFileSync(join(root, page), 'utf8'));
  const comments = sources.flatMap(({ text }) => text.match(comment) ?? []);
  const names = sources.flatMap(({ text }) => [...text.matchAll(testName)].map(([, , name = '']) => name));
  const prose = [...pages, ...comments, ...names]
    .join('\n')
    .replaceAll(/\s+(\*|\/\/)?\s*/g, ' ')
    .toLowerCase();
  return countEach(proseWords.flatMap((word) => prose.match(new RegExp(`\\b${word}\\b`, 'g')) ?? []));
}
