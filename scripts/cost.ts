// Writes what the broker costs into docs/operations.md. Run by `npm run cost`.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Costs, countCosts } from './cost/costs.ts';
import { tablesOf } from './cost/tables.ts';

/** The page that holds the tables. */
export const page = join(import.meta.dirname, '../docs/operations.md');

const [start, end] = ['<!-- tables of costs: npm run cost -->', '<!-- end of costs -->'];

/** @returns the text of the page with the costs as they are now. @throws Error if the page has no place for them */
export function writeInto(text: string, costs: Costs): string {
  const place = new RegExp(`${start}\n[\\s\\S]*?${end}`);
  if (!place.test(text)) {
    throw new Error(`docs/operations.md has no place for the costs: put the lines ${start} and ${end}.`);
  }
  return text.replace(place, () => [start, tablesOf(costs), end].join('\n'));
}

if (import.meta.main) {
  await writeFile(page, writeInto(await readFile(page, 'utf8'), await countCosts()));
}
