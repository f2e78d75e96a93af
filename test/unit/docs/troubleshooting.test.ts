// Holds that docs/troubleshooting.md leads from every code, alarm and line of the log to its runbook.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runbooks } from '../../../cli/status/runbooks.ts';
import { alarmNames } from '../../../infra/monitoring/alarm-names.ts';
import { codeModes, incidentModes } from '../../../infra/monitoring/failure-modes.ts';
import { isErrorCode } from '../../../lambda/errors.ts';
import { anchorOf } from '../../support/runbooks.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/troubleshooting.md'), 'utf8');

function chapterOf(heading: string): string {
  return new RegExp(`\n## ${heading}\n([\\s\\S]*?)(?:\n## |$)`).exec(page)?.[1] ?? '';
}

/** The anchors of runbooks in the row of a table that begins with a name. */
function leadsTo(chapter: string, name: string): string[] {
  const row =
    chapter.split('\n').find((line) => line.startsWith('|') && line.split('|')[1]?.includes(`\`${name}\``)) ?? '';
  return [...row.matchAll(/\(operations\.md#([\w-]+)\)/g)].map(([, anchor = '']) => anchor);
}

test('every code has a row that leads to the runbook that doctor names', () => {
  const rows = chapterOf('A call gets no token');
  const lost = Object.keys(codeModes)
    .filter(isErrorCode)
    .filter((code) => !leadsTo(rows, code).includes(runbooks[code]));
  expect(lost).toEqual([]);
});

test('every code of the client itself has a row', () => {
  const rows = chapterOf('The client has another code');
  const source = readFileSync(join(import.meta.dirname, '../../../client/errors.ts'), 'utf8');
  const [, codes = ''] = /type ClientCode = (.*);/.exec(source) ?? [];
  const names = [...codes.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);
  expect(names).toHaveLength(3);
  expect(names.filter((name) => !rows.includes(`| \`${name}\` |`))).toEqual([]);
});

test('every alarm leads to its runbook', () => {
  const rows = chapterOf('An alarm rings');
  const lost = alarmNames.filter((name) => !rows.includes(`[${name}](operations.md#${anchorOf(name)})`));
  expect(lost).toEqual([]);
});

test('every incident of the log leads to its runbook', () => {
  const rows = chapterOf('The log has a line');
  const lost = Object.entries(incidentModes).filter(([name, mode]) => {
    const runbook = 'runbook' in mode ? mode.runbook : mode.alarms[0];
    return !leadsTo(rows, name).includes(anchorOf(runbook));
  });
  expect(lost.map(([name]) => name)).toEqual([]);
});
