// Tests scripts/source-code.ts, scripts/words.ts, and longestChain of scripts/imports.ts.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { longestChain } from '../../../scripts/imports.ts';
import { readSources } from '../../../scripts/source-code.ts';
import { countIdentifiers, countProse } from '../../../scripts/words.ts';

/** Reads a repository with these files in its folder `lambda/`. */
async function read(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'sources-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'lambda'));
  for (const [path, text] of Object.entries(files)) {
    await writeFile(join(root, 'lambda', path), text);
  }
  return { root, sources: readSources(root, ['lambda']) };
}

test('readSources counts the lines of each function, with and without the functions inside it, in every file', async () => {
  const text =
    "// é\nfunction f() {\n  g('é');\n  const h = () => {\n    g(1);\n  };\n}\nconst g = (x: string) => x;\n";
  const { sources } = await read({ 'a.ts': text, 'b.ts': text });
  expect(sources.map(({ functions }) => functions)).toEqual(
    Array(2).fill([
      { lines: 6, ownLines: 4 },
      { lines: 3, ownLines: 3 },
    ]),
  );
});

test('readSources finds the names that a file declares outside its functions', async () => {
  const text =
    'type A = 1;\nexport interface B { c: A }\nconst d = 1, e = 2;\nexport function f() { const g = d; }\nclass H {}';
  const { sources } = await read({ 'a.ts': text });
  expect(sources[0]?.declared).toEqual(['A', 'B', 'd', 'e', 'f', 'H']);
});

test('countIdentifiers finds a word inside a name, and leaves out strings and the words of the field', async () => {
  const { sources } = await read({
    'a.ts': "const lastFlight = 'flight';\nconst createSingleFlight = { Known: lastFlight };",
  });
  expect(countIdentifiers(sources)).toEqual({ total: 3, words: 'flight 2, Known 1' });
});

test('countProse reads comments, names of tests and pages, over the ends of lines', async () => {
  const code = "// It is\n// no file.\nconst alone = 1;\ntest('nobody waits', () => {}); // There is no token.\n";
  const { root, sources } = await read({ 'a.ts': code });
  await writeFile(join(root, 'README.md'), 'For the client alone.');
  expect(countProse(root, sources)).toEqual({ total: 3, words: 'alone 1, nobody 1, is no 1' });
});

test('longestChain follows imports from file to file, and counts a cycle as all its files', () => {
  const chain = new Map([
    ['a', ['b', 'd']],
    ['b', ['c']],
    ['c', ['d']],
    ['d', []],
  ]);
  expect(longestChain(chain)).toEqual(['a', 'b', 'c', 'd']);
  expect(longestChain(new Map([...chain, ['c', ['b', 'd']]]))).toEqual(['a', 'b', 'c', 'd']);
});
