import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { exportLines, writeVariables } from '../../../local/variables.ts';

const variables = new Map([
  ['AWS_REGION', 'us-east-1'],
  ['BROKER_URL', 'http://127.0.0.1:4780'],
]);

test('the variables are set by `export` in the shells of Linux and macOS', () => {
  expect(exportLines(variables, 'linux')).toEqual([
    'unset AWS_PROFILE AWS_SESSION_TOKEN',
    'export AWS_REGION=us-east-1 BROKER_URL=http://127.0.0.1:4780',
  ]);
});

test('the variables are set by `$env:` in PowerShell, on Windows', () => {
  expect(exportLines(variables, 'win32')).toEqual([
    'Remove-Item Env:AWS_PROFILE, Env:AWS_SESSION_TOKEN -ErrorAction Ignore',
    "$env:AWS_REGION='us-east-1'; $env:BROKER_URL='http://127.0.0.1:4780'",
  ]);
});

test('a file of --write-env that is not of a local run is refused, and stays as it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'variables-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, '.env');
  writeFileSync(file, 'DATABASE_PASSWORD=not-a-real-one\n');
  expect(() => writeVariables(variables, file)).toThrow(
    '--write-env: the file has something else in it, so it stays as it was. Name another file.',
  );
  expect(readFileSync(file, 'utf8')).toBe('DATABASE_PASSWORD=not-a-real-one\n');
  expect(() => writeVariables(variables, join(file, 'x'))).toThrow(
    '--write-env: the file cannot be written (ENOTDIR).',
  );
  writeFileSync(file, '');
  writeVariables(variables, file);
  writeVariables(new Map([['AWS_REGION', 'us-east-2']]), file);
  expect(readFileSync(file, 'utf8')).toBe('AWS_REGION=us-east-2\n');
});

test.skipIf(process.platform === 'win32')(
  'only the owner can read the file of --write-env when it was there before',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'variables-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'local.env');
    writeFileSync(
      file,
      'AWS_REGION=a value that is longer than what replaces it, so that a rest of it would be seen in the file',
    );
    chmodSync(file, 0o644);
    writeVariables(variables, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe('AWS_REGION=us-east-1\nBROKER_URL=http://127.0.0.1:4780\n');
    writeVariables(variables, '/dev/null');
  },
);
