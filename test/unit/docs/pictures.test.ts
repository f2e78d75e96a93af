// Looks at every picture of the pages: its texts fit into it in the widest of the usual fonts, on light and on dark pages.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const docs = join(import.meta.dirname, '../../../docs');
const pictures = globSync('{,es/}*.svg', { cwd: docs }).map((name) => [name, readFileSync(join(docs, name), 'utf8')]);

/** In the widest of the usual fonts, a character of most texts takes this part of the size of the font. */
const characterWidth = 0.6;

interface Extent {
  readonly content: string;
  readonly from: number;
  readonly to: number;
}

/** About where each text begins and ends, in pixels. */
function extentsOf(picture: string): readonly Extent[] {
  const usual = Number(/text ?\{ ?font: ?([\d.]+)px/.exec(picture)?.[1]);
  const sizes = new Map(
    [...picture.matchAll(/\.(\w+)\{font-size:([\d.]+)px/g)].map(([, name, px]) => [name, Number(px)]),
  );
  return [...picture.matchAll(/<text ([^>]*)>([^<]*)</g)].map(([, attributes = '', content = '']) => {
    const classes = /class="([^"]*)"/.exec(attributes)?.[1]?.split(' ') ?? [];
    const size = classes.map((name) => sizes.get(name)).find((px) => px !== undefined) ?? usual;
    const width = content.replaceAll(/&\w+;/g, ' ').length * characterWidth * size;
    const x = Number(/\bx="([\d.]+)"/.exec(attributes)?.[1]);
    const before = attributes.includes('"end"') || classes.includes('e') ? 1 : classes.includes('c') ? 0.5 : 0;
    return { content, from: x - before * width, to: x + (1 - before) * width };
  });
}

test.each(pictures)('no text of %s is cut off at its sides', (_, picture = '') => {
  const width = Number(/ width="(\d+)"/.exec(picture)?.[1]);
  const extents = extentsOf(picture);
  expect(extents.length).toBeGreaterThan(5);
  expect(extents.filter(({ from, to }) => !(from >= 0 && to <= width))).toEqual([]);
});

test.each(pictures)('%s has colours for light and dark pages, and a background', (_, picture = '') => {
  const [, width, height] = / width="(\d+)" height="(\d+)"/.exec(picture) ?? [];
  expect(picture).toMatch(/@media ?\(prefers-color-scheme: ?dark\)/);
  expect(picture).toMatch(new RegExp(`<rect (?:x="0" y="0" )?width="${width}" height="${height}"[^>]* class="p"`));
});
