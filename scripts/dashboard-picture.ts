// Draws docs/dashboard.svg from the dashboard of a stack and made-up data. Run by `npm run dashboard-picture`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawDashboard } from './dashboard/draw.ts';
import { exampleStack } from './dashboard/example.ts';
import { readDashboard } from './dashboard/read.ts';

/** Where the picture is. */
export const file = join(import.meta.dirname, '../docs/dashboard.svg');

/** Returns the picture of the dashboard as the code is now. */
export function picture(): string {
  return drawDashboard(readDashboard(exampleStack()).widgets);
}

if (import.meta.main) {
  await writeFile(file, picture());
}
