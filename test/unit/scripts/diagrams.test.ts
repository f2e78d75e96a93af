import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { diagrams } from '../../../scripts/diagrams.ts';

const docs = join(import.meta.dirname, '../../../docs');
const drawn = Array.from(diagrams, ([file, picture]) => [relative(docs, file), file, picture] as const);

test.each(drawn)('%s is the diagram as the code has it now (if not: npm run diagrams)', async (_, file, picture) => {
  expect(picture).toBe(await readFile(file, 'utf8'));
});

test.each(drawn)('%s is as wide as a page', (_, _file, picture) => {
  expect(picture).toMatch(/^<svg [^>]* width="860"/);
});

test.each(drawn)('every text of %s has at least 12 pixels, which no page scales down', (_, _file, picture) => {
  const sizes = [...picture.matchAll(/font(?:-size)?:(\d+)px/g)].map(([, size]) => Number(size));
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(12);
});

test.each(['token-life.svg', 'es/token-life.svg'])(
  'the life of a token in %s has the times of the rules: renewal after 20 minutes, handed out for 29',
  (name) => {
    const [, , life = ''] = drawn.find(([file]) => file === name) ?? [];
    const bars = [...life.matchAll(/<rect x="([\d.]+)" y="40" width="([\d.]+)"/g)];
    const minutes = bars.map(([, x, width]) =>
      [Number(x), Number(x) + Number(width) + 1].map((at) => ((at - 136) / 700) * 30),
    );
    const rounded = minutes.map((span) => span.map((minute) => Math.round(minute * 10) / 10));
    expect(rounded).toEqual([
      [0, 20],
      [20, 29],
      [29, 30],
    ]);
  },
);
