// The queue of the local run against the function's own client of SQS (local/queue.ts).
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSend, parseResponse } from '../../../lambda/aws/dynamodb.ts';
import { type LocalQueue, type QueueEvent, startQueue } from '../../../local/queue.ts';

const keys = () => ({ accessKeyId: 'local', secretAccessKey: 'not-a-real-key' });
let queue: LocalQueue;

beforeEach(async () => {
  queue = await startQueue();
});
afterEach(() => queue.close());

async function call(operation: string, input: object): Promise<unknown> {
  const options = { region: 'us-east-1', endpoint: new URL('/', queue.queueUrl).href, keys };
  const send = createSend(options, { service: 'sqs', target: 'AmazonSQS' });
  return parseResponse(await send(operation, JSON.stringify(input), AbortSignal.timeout(5000))).output;
}

function sendAll(bodies: readonly string[]): Promise<unknown> {
  const entries = bodies.map((body, index) => ({ Id: String(index), MessageBody: body }));
  return call('SendMessageBatch', { QueueUrl: queue.queueUrl, Entries: entries });
}

const bodiesOf = ({ Records }: QueueEvent) => Records.map(({ body }) => body);

test('hands over each message once, in batches of five, also what was sent before', async () => {
  const taken: string[][] = [];
  await sendAll(['1', '2', '3', '4', '5', '6', '7']);
  queue.deliver(async (event) => {
    taken.push(bodiesOf(event));
  });
  await sendAll(['8']);

  await expect.poll(() => taken).toEqual([['1', '2', '3', '4', '5'], ['6', '7'], ['8']]);
});

test('hands over at most ten batches at a time', async () => {
  const ends: (() => void)[] = [];
  queue.deliver(() => new Promise((resolve) => ends.push(resolve)));
  for (let request = 0; request < 12; request += 1) {
    expect(await sendAll(['a'])).toMatchObject({ Failed: [] });
  }
  expect(ends).toHaveLength(10);
  ends[0]?.();
  await expect.poll(() => ends).toHaveLength(11);
});

test('refuses every other operation', async () => {
  await expect(call('DeleteMessageBatch', { QueueUrl: queue.queueUrl, Entries: [] })).rejects.toMatchObject({
    name: 'UnsupportedOperation',
  });
});
