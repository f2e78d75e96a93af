// Writes the API reference into docs/api/ again. Run by `npm run api-reference`.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { referencePages } from './reference/pages.ts';

/** The folder of the pages. It has only what this script writes. */
export const folder = join(import.meta.dirname, '../docs/api');

if (import.meta.main) {
  const pages = await referencePages();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [file, text] of pages) {
    await writeFile(join(folder, file), text);
  }
}
