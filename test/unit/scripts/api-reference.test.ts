import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../../../scripts/api-reference.ts';
import { referencePages } from '../../../scripts/reference/pages.ts';

test('docs/api has the pages that `npm run api-reference` makes of the docblocks', async () => {
  const pages = await referencePages();
  expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
  for (const [file, text] of pages) {
    expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
  }
});
