// Writes the OpenAPI documents into docs/ again. Run by `npm run openapi`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApi30Document, openApiDocument } from './openapi/document.ts';

/** The documents, by the file that has each. */
export const documents: Readonly<Record<string, () => Promise<object>>> = {
  'docs/openapi.json': openApiDocument,
  'docs/openapi-3.0.json': openApi30Document,
};

if (import.meta.main) {
  for (const [file, make] of Object.entries(documents)) {
    await writeFile(join(import.meta.dirname, '..', file), `${JSON.stringify(await make(), null, 2)}\n`);
  }
}
