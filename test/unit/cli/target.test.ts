// Tests the notes on the file of outputs, and options that name another broker than it (cli/target.ts). The outputs: test/scenario/cli.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findTarget } from '../../../cli/target.ts';

test('findTarget notes the stack and the function that it finds in a file of outputs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outputs-'));
  const outputs = join(folder, 'cdk-outputs.json');
  const deployed = { Url: 'https://api.example.com/v1/', FunctionName: 'TheFunction' };
  await writeFile(outputs, JSON.stringify({ 'FegoraTokenBroker-prod': deployed }));
  const notes: string[] = [];
  findTarget({ outputs }, (line) => notes.push(line));
  await rm(folder, { recursive: true });
  expect(notes).toEqual([`stack FegoraTokenBroker-prod of ${outputs}, function TheFunction`]);
});

test('findTarget reads a file of outputs with a byte order mark', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outputs-'));
  const outputs = join(folder, 'cdk-outputs.json');
  await writeFile(outputs, `\ufeff${JSON.stringify({ Stack: { Url: 'https://api.example.com/v1/' } })}`);
  const { endpoint } = findTarget({ outputs }, () => {});
  await rm(folder, { recursive: true });
  expect(endpoint).toBe('https://api.example.com/v1/');
});

describe('promise 59: when the file of outputs is of the stage dev', () => {
  const start = process.cwd();
  const dev = { Url: 'https://dev.example/v1/', FunctionName: 'dev-function', Secretmain: 'dev-secret' };
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outputs-'));
    await writeFile(join(folder, 'cdk-outputs.json'), JSON.stringify({ Dev: dev }));
    process.chdir(folder);
  });
  afterEach(async () => {
    process.chdir(start);
    await rm(folder, { recursive: true });
  });

  const others = [
    { endpoint: 'https://prod.example/v1/' },
    { functionName: 'prod-function' },
    { functionName: 'arn:aws:lambda:us-east-1:123456789012:function:prod-function' },
    { endpoint: dev.Url, functionName: 'prod-function' },
    { endpoint: 'https://prod.example/v1/', functionName: 'dev-function' },
  ];

  test.each(others)('findTarget refuses --outputs or --stack together with %j', (options) => {
    for (const named of [{ outputs: 'cdk-outputs.json' }, { stack: 'Dev' }]) {
      expect(() => findTarget({ ...options, ...named })).toThrow(
        /^--(endpoint|function-name) names another broker than stack Dev of cdk-outputs.json; give only one of them$/,
      );
    }
  });

  test.each(others)('findTarget uses nothing of the default file with %j, and says so', (options) => {
    const notes: string[] = [];
    const { endpoint, functionName, secretId } = findTarget(options, (line) => notes.push(line));

    expect({ endpoint, functionName, secret: secretId('main') }).toEqual({ secret: undefined, ...options });
    expect(notes).toEqual([
      expect.stringMatching(/^--(endpoint|function-name) names another .* cdk-outputs.json, so the file is not used$/),
    ]);
  });

  test.each([
    { endpoint: 'https://dev.example/v1' },
    { functionName: 'dev-function' },
    { functionName: 'arn:aws:lambda:us-east-1:123456789012:function:dev-function' },
  ])('findTarget uses the file with %j, which is the same broker', (options) => {
    const notes: string[] = [];
    expect(findTarget(options, (line) => notes.push(line)).secretId('main')).toBe('dev-secret');
    expect(notes).toEqual(['stack Dev of cdk-outputs.json, function dev-function']);
  });
});
