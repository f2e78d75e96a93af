import { expect, test } from 'vitest';
import { exportLines } from '../../../local/variables.ts';

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
