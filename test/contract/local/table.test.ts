// Tests that the embedded DynamoDB ends without an error while requests are under way.
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startTable } from '../../../local/table.ts';

const headers = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20260101T000000Z',
  'x-amz-target': 'DynamoDB_20120810.GetItem',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
};
const body = JSON.stringify({ TableName: 'tokens', Key: { account: { S: 'one' } } });

test('closes the table without an error when requests are under way', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.prependListener('uncaughtException', note);
  for (let round = 0; round < 30; round += 1) {
    const table = await startTable('tokens');
    const read = () => fetch(table.url, { method: 'POST', headers, body }).catch(() => undefined);
    const reads = Array.from({ length: 40 }, read);
    // Each round closes the table at a later step of the requests.
    for (let turn = 0; turn < round; turn += 1) {
      await setImmediate();
    }
    await table.close();
    await Promise.all(reads);
  }
  process.off('uncaughtException', note);
  expect(uncaught).toEqual([]);
});
