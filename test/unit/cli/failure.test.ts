// Tests that each failure has a text, whatever was thrown (cli/failure.ts). What the texts say: test/scenario/cli.
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { asCommandError, CommandError } from '../../../cli/failure.ts';
import { TokenBrokerError } from '../../../client/errors.ts';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });
const signed = 'Invalid character in header content ["x-amz-security-token"]: canary';
const names = [
  'AccessDeniedException',
  'ResourceNotFoundException',
  'ThrottlingException',
  'SyntaxError',
  'Unknown',
  '',
];

test.each([
  ...names.flatMap((name) => [named(name, ''), named(name, signed)]),
  new TypeError(signed),
  new TypeError(''),
  new Error(''),
  new CommandError(1, ''),
  new CommanderError(1, 'commander.help', '(outputHelp)'),
  new CommanderError(1, 'commander.error', ''),
  new TokenBrokerError('failed', ''),
  Object.assign(new Error(''), { code: 'ECONNREFUSED' }),
  Object.assign(new Error(''), { $fault: 'server' }),
  undefined,
  null,
  '',
  {},
])('promise 62: a failure has a text, and repeats nothing that was signed: %j', (thrown) => {
  const { exitCode, message } = asCommandError(thrown);

  expect(exitCode).toBeGreaterThan(0);
  expect(message).toMatch(/[a-z]{3}/i);
  expect(message).not.toContain('canary');
});
