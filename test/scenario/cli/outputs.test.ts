// Tests that the command line understands the outputs of the synthesised stack.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findTarget } from '../../../cli/target.ts';
import { templateOf } from '../../infra/support/synth.ts';

test('findTarget finds endpoint, function and secrets in the outputs of the deployed stack', async () => {
  const { Outputs } = templateOf('full').toJSON();
  const folder = await mkdtemp(join(tmpdir(), 'outputs-'));
  const outputs = join(folder, 'cdk-outputs.json');
  const deployed = Object.fromEntries(Object.keys(Outputs).map((name) => [name, `value:${name}`]));
  await writeFile(outputs, JSON.stringify({ 'FegoraTokenBroker-full': deployed }));
  const { endpoint, functionName, secretId } = findTarget({ outputs });
  await rm(folder, { recursive: true });

  expect([endpoint, functionName]).toEqual(['value:Url', 'value:FunctionName']);
  expect([secretId('main'), secretId('nit-2')]).toEqual(['value:Secretmain', 'value:Secretnit2']);
});
