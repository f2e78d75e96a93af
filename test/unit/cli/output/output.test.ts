// What a command writes as text and as JSON, and where.
import { expect, test } from 'vitest';
import { asCommandError, CommandError } from '../../../../cli/failure.ts';
import { type Format, formatOf, outputOf } from '../../../../cli/output/output.ts';
import { TokenBrokerError } from '../../../../client/errors.ts';

function open(format: Format, hasColours = false) {
  const out: string[] = [];
  const err: string[] = [];
  const ask = async () => '';
  const output = outputOf(
    {
      isInteractive: false,
      print: (line) => out.push(line),
      note: (line) => err.push(line),
      ask,
      askHidden: ask,
      screen: { hasColours, draw: undefined },
    },
    format,
    'fegora-broker',
  );
  return { output, out, err };
}

test('text: the lines are written at once, notes and the failure start with the name of the program', () => {
  const { output, out, err } = open('text');
  output.show({ account: 'main' }, ['main: stored']);
  expect(out).toEqual(['main: stored']);
  output.note('a note');
  output.end(new CommandError(4, 'not permitted'));

  expect(out).toHaveLength(1);
  expect(err).toEqual(['fegora-broker: a note', 'fegora-broker: not permitted']);
});

test('JSON: standard output has one document of all parts, and each line of standard error is JSON', () => {
  const { output, out, err } = open('json');
  output.show({ account: 'main' }, ['main: stored']);
  output.note('a note');
  output.show({ outcome: 'renewed' }, ['main: Fegora takes them']);
  output.end();

  expect(out.map((line) => JSON.parse(line))).toEqual([{ account: 'main', outcome: 'renewed' }]);
  expect(err.map((line) => JSON.parse(line))).toEqual([{ note: 'a note' }]);
});

test('JSON: standard output is empty when the command did nothing, and the failure has the names of the API', () => {
  const { output, out, err } = open('json');
  const details = { retryable: true, retryAfter: 5, requestId: 'r-1' };
  output.end(asCommandError(new TokenBrokerError('upstream_unavailable', 'Fegora is unavailable.', details)));

  expect(out).toEqual([]);
  expect(err.map((line) => JSON.parse(line))).toEqual([
    {
      error: 'upstream_unavailable',
      error_description: expect.stringMatching(/^Fegora is unavailable\./),
      exit_code: 6,
      retryable: true,
      retry_after: 5,
      request_id: 'r-1',
    },
  ]);
});

test.each([
  [1, 'failed', false],
  [2, 'usage', false],
  [3, 'aws_credentials', false],
  [4, 'forbidden', false],
  [5, 'not_found', false],
  [6, 'try_later', true],
  [130, 'interrupted', false],
])('JSON: a failure that is not from the broker has a code for exit code %d', (exitCode, error, retryable) => {
  const { output, err } = open('json');
  output.end(new CommandError(exitCode, 'what happened'));

  expect(JSON.parse(err.join())).toEqual({ error, error_description: 'what happened', exit_code: exitCode, retryable });
});

test('an interruption tells what has happened', () => {
  const { output, err } = open('text');
  output.onInterrupt('it is stored');
  output.end(new CommandError(130, 'interrupted'));

  expect(err).toEqual(['fegora-broker: interrupted; it is stored']);
});

test('styles are written only when standard output shows them', () => {
  expect(open('text', true).output.style('red', 'paused')).toBe('\x1b[31mpaused\x1b[39m');
  expect(open('text').output.style('red', 'paused')).toBe('paused');
});

test.each([
  ['--output json status', 'json'],
  ['status --output=json', 'json'],
  ['status --output text', 'text'],
  ['status json', 'text'],
  ['--output json --output text status', 'text'],
  ['--output=text status --output=json', 'json'],
  ['status --output json --output', 'json'],
  ['status -- --output json', 'text'],
])('formatOf %s is %s', (line, format) => {
  expect(formatOf(line.split(' '))).toBe(format);
});
