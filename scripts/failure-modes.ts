// Writes the table of failures and their alarms into docs/operations.md. Run by `npm run failures`.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AlarmName } from '../infra/monitoring/alarm-names.ts';
import { minutesUntil } from '../infra/monitoring/alarm-rules.ts';
import { type FailureMode, failureModes } from '../infra/monitoring/failure-modes.ts';

/** The page that holds the table. */
export const page = join(import.meta.dirname, '../docs/operations.md');

const [start, end] = ['<!-- table of failures: npm run failures -->', '<!-- end of table -->'];
const head = [
  '| failure | means | person | alarms, minutes until they ring | runbook |',
  '| --- | --- | --- | --- | --- |',
];

function rowOf(group: string, name: string, mode: FailureMode): string {
  const failure = group === 'from outside' ? `\`${name}\`` : `${group} \`${name}\``;
  const cells =
    mode.person === 'no'
      ? [mode.means, 'no', `none: ${mode.why}`, linkTo(mode.runbook)]
      : [mode.means, mode.person, mode.alarms.map(alarmCell).join(', '), linkTo(mode.runbook ?? mode.alarms[0])];
  return `| ${[failure, ...cells].join(' | ')} |`;
}

function alarmCell(name: AlarmName): string {
  return `${name} ${minutesUntil(name)}`;
}

/** GitHub makes anchors of headings like this. */
function linkTo(heading: string): string {
  return `[${heading}](#${heading.toLowerCase().replaceAll(' ', '-')})`;
}

function table(): string {
  const rows = Object.entries(failureModes).flatMap(([group, modes]) =>
    Object.entries(modes).map(([name, mode]) => rowOf(group, name, mode)),
  );
  return [...head, ...rows].join('\n');
}

/** @returns the text of the page with the table as the code is now. @throws Error if the page has no place for it */
export function writeInto(text: string): string {
  const place = new RegExp(`${start}\n[\\s\\S]*?${end}`);
  if (!place.test(text)) {
    throw new Error(`docs/operations.md has no place for the table of failures: put the lines ${start} and ${end}.`);
  }
  return text.replace(place, () => [start, table(), end].join('\n'));
}

if (import.meta.main) {
  await writeFile(page, writeInto(await readFile(page, 'utf8')));
}
