// Draws the diagrams of the pages into docs/ and docs/es/. Run by `npm run diagrams`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawFlow } from './diagrams/flow.ts';
import { english, spanish } from './diagrams/texts.ts';
import { drawTokenLife } from './diagrams/token-life.ts';

const docs = join(import.meta.dirname, '../docs');

/** The pictures by their files, as the code is now. */
export const diagrams: ReadonlyMap<string, string> = new Map([
  [join(docs, 'flow.svg'), drawFlow(english)],
  [join(docs, 'token-life.svg'), drawTokenLife(english)],
  [join(docs, 'es/flow.svg'), drawFlow(spanish)],
  [join(docs, 'es/token-life.svg'), drawTokenLife(spanish)],
]);

if (import.meta.main) {
  for (const [file, picture] of diagrams) {
    await writeFile(file, picture);
  }
}
