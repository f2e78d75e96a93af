// Tests the note that names the stack and the function (cli/target.ts). The outputs: test/scenario/cli.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
