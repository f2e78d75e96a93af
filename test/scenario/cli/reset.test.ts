// Tests the reset of an item that the broker cannot read. After it, a call waits for as long as the client does.
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { tableName } from '../../support/test-system.ts';

let system: GatewaySystem;
let commands: CommandLine;

beforeAll(async () => {
  [system, commands] = await Promise.all([startGatewaySystem(), createCommandLine()]);
});
afterAll(async () => {
  await Promise.all([system.close(), commands.close()]);
});

/** Writes an item for the account that the broker cannot read. */
async function damage(account: string): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: system.servers.tableUrl, credentials });
  const numbers = { schema: { N: '1' }, revision: { N: '7' } };
  await client.send(
    new PutItemCommand({ TableName: tableName, Item: { account: { S: account }, ...numbers, marks: { S: 'x' } } }),
  );
  client.destroy();
}

test('an operator can reset an item that the broker cannot read, and only such an item', async () => {
  const broker = (command: string, keys = system.callers.operator) =>
    commands.run([command, 'one', '--endpoint', system.gateway.url], { keys });
  const readable = await broker('reset');
  await damage('one');
  const faulty = await broker('status');
  const refused = await broker('token', system.callers.all);
  const reset = await broker('reset');
  const waiting = await broker('token', system.callers.all);

  expect(readable).toMatchObject({ code: 1, err: ['broker: one: the item is readable: nothing to reset'] });
  expect(faulty.out).toContain('  fault            marks');
  expect(refused).toMatchObject({ code: 6, err: [expect.stringContaining('table_unavailable')] });
  expect(reset).toMatchObject({ code: 0, out: ['one: item rewritten; no environment logs in for about 30 s'] });
  expect(waiting).toMatchObject({ code: 6, err: [expect.stringContaining('renewal_in_progress')] });
});
