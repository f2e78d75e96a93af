import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { page, writeInto } from '../../../scripts/failure-modes.ts';

test('docs/operations.md has the failures and their alarms as the code has them (if not: npm run failures)', async () => {
  const text = await readFile(page, 'utf8');
  expect(writeInto(text)).toBe(text);
});

test('the table of failures has no empty cell', async () => {
  const rows = [...(await readFile(page, 'utf8')).matchAll(/^\| (?:code|incident|answer to a login|`\w+`) .*/gm)];
  const table = rows.map(([row]) => row).filter((row) => row.split('|').length === 7);
  expect(table.length).toBeGreaterThan(50);
  expect(table.filter((row) => /\| *\|/.test(row))).toEqual([]);
});

test('decision 11 has each failure beside its alarms of version 1, with the alarms that it has now', async () => {
  const decision = new URL('../../../docs/decisions/0011-alarms-ring-for-what-users-feel.md', import.meta.url);
  const cells = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, failure, alarms]) => `${failure}: ${alarms}`);
  const now = cells(
    await readFile(page, 'utf8'),
    /^\| ([a-z ]*`\w+`) \| [^|]+ \| (?:no|today|at once) \| (none(?=:)|[^|]+?)(?::[^|]*)? \|/gm,
  );
  const then = cells(
    await readFile(decision, 'utf8'),
    /^\| ([a-z ]*`\w+`) \| [^|]+ \| (none(?=, for a reason)|[A-Z][^|]+?)(?:, for a reason)? \|$/gm,
  );
  expect(now.length).toBeGreaterThan(50);
  expect(then).toEqual(now);
});

test('writeInto names the place that is missing', () => {
  expect(() => writeInto('# Operations')).toThrow('no place for the table of failures');
});
