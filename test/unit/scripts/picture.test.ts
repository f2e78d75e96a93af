import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { drawInto, page } from '../../../scripts/picture.ts';

test('docs/architecture.md draws the folders as they import each other now (if not: npm run picture)', async () => {
  const text = await readFile(page, 'utf8');
  expect(await drawInto(text)).toBe(text);
});

test('drawInto replaces a picture that is out of date', async () => {
  const text = await readFile(page, 'utf8');
  const old = text.replace(/\n.*handlerts.* --> broker.*/, '');
  expect(old).not.toBe(text);
  expect(await drawInto(old)).toBe(text);
});

test('drawInto names the place that is missing', async () => {
  await expect(drawInto('# Architecture')).rejects.toThrow('no place for the picture of folders');
});
