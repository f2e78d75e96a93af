// A tick against the embedded DynamoDB and a queue over HTTP: what is due is in the index, and is sent (lambda/aws/due/).
import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSendDue } from '../../../../../lambda/aws/due/send-due.ts';
import { createCallDynamo } from '../../../../../lambda/aws/dynamodb.ts';
import { createTokenTable } from '../../../../../lambda/aws/token-table.ts';
import type { Change, Claim } from '../../../../../lambda/broker/ports.ts';
import { fingerprint } from '../../../../../lambda/broker/token.ts';
import { authenticate } from '../../../../../local/gateway/sigv4.ts';
import { type LoopbackServer, readBody, serve } from '../../../../../local/loopback.ts';
import { startTable } from '../../../../../local/table.ts';
import { realTime } from '../../../../support/skipping-clock.ts';

const now = Date.UTC(2026, 0, 15, 12);
const never = new AbortController().signal;
const keys = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };

let dynalite: LoopbackServer;
let queue: LoopbackServer;
/** What the queue answers to each request: a status, and who signed it. */
let status: number;
let sent: string[];
let requests: { target: unknown; signer: string; path: unknown }[];

beforeAll(async () => {
  dynalite = await startTable('tokens');
});
afterAll(() => dynalite.close());

beforeEach(async () => {
  [status, sent, requests] = [200, [], []];
  queue = await serve(async (request, response) => {
    const body = (await readBody(request, 300_000)) ?? Buffer.alloc(0);
    requests.push({
      target: request.headers['x-amz-target'],
      signer: await signerOf(request, body),
      path: request.url,
    });
    const { Entries = [] } = JSON.parse(body.toString());
    if (status === 200) {
      sent.push(...Entries.map(({ MessageBody }: { MessageBody: string }) => JSON.parse(MessageBody).account));
    }
    response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' });
    response.end(
      JSON.stringify(status === 200 ? { Successful: [] } : { __type: 'com.amazonaws.sqs#QueueDoesNotExist' }),
    );
  });
});
afterEach(() => queue.close());

function signerOf(request: IncomingMessage, body: Buffer): Promise<string> {
  const { method = '', url: path = '', headers } = request;
  const names = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  const check = { keysOf: () => keys, region: 'us-east-1', service: 'sqs', now: Date.now() };
  return authenticate({ method, path, query: [], headers: new Map(names), body }, check).then(
    ({ accessKeyId }) => accessKeyId,
    (error: Error) => `refused: ${error.message}`,
  );
}

const dynamo = () => ({ region: 'us-east-1', endpoint: dynalite.url, keys: () => keys });
const table = () => createTokenTable(createCallDynamo(dynamo(), realTime), 'tokens', () => {});

function tickAt(at: number, tableName = 'tokens') {
  const warmupQueue = `${queue.url}/111111111111/due`;
  return createSendDue({ dynamo: dynamo(), tableName, warmupQueue, now: () => at })?.(() => 25_000, new Set());
}

type Publication = Extract<Change, { kind: 'publish' }>;

/**
 * Claims and publishes a token that is issued now and lives for 30 minutes: its renewal is due after 20.
 *
 * @param during what happens while Fegora answers
 */
async function login(account: string, use: Publication['use'], during = async () => {}): Promise<void> {
  const claim: Claim = { owner: 'o', now, leaseUntil: now + 15_000, dropToken: false, sends: [], logins: [] };
  const accessToken = `not-a-real-token-${account}`;
  const token = { accessToken, fingerprint: fingerprint(accessToken), issuedAt: now, lifetimeMs: 1_800_000 };
  const published = { kind: 'publish', owner: 'o', token: { ...token, versionId: 'v1' }, at: now, sends: [] } as const;
  const { item } = await table().read(account, never);
  expect(await table().claim(item, claim, never)).toBe(true);
  await during();
  const rest = { isSlow: false, loginMs: 700, isOtherUser: false, ...(use !== undefined && { use }) };
  expect(await table().write(account, { ...published, ...rest }, never)).toBe(true);
}

const dueAt = now + 1_200_000;

function noteAsked(account: string): Promise<boolean> {
  return table().write(account, { kind: 'note', dueAt }, never);
}

async function noteIdle(account: string): Promise<boolean> {
  const { revision } = (await table().read(account, never)).item;
  return table().write(account, { kind: 'note', revision }, never);
}

describe('promise 64: a tick', () => {
  test('finds the accounts whose tokens were asked for, once their windows open, and only these', async () => {
    await login('asked-1', 'asked');
    await login('unasked-2', 'unasked');
    await login('idle-3', 'unasked');
    await login('idle-3', 'idle');
    await login('unnoted-4', undefined);

    expect(await tickAt(dueAt - 1)).toBe(0);
    expect(await tickAt(dueAt)).toBe(2);
    expect(sent.toSorted()).toEqual(['asked-1', 'unasked-2']);
    expect(requests[0]).toEqual({ target: 'AmazonSQS.SendMessageBatch', signer: 'local', path: '/' });
    expect((await table().read('unasked-2', never)).item).toMatchObject({ dueAt, isUnasked: true });

    expect(await noteAsked('idle-3')).toBe(true);
    expect(await noteIdle('unasked-2')).toBe(true);
    sent = [];
    await tickAt(dueAt);
    expect(sent.toSorted()).toEqual(['asked-1', 'idle-3']);
    expect((await table().read('unasked-2', never)).item).not.toHaveProperty('isUnasked');
    await Promise.all(['asked-1', 'idle-3'].map(noteIdle));
  });

  test('still finds an account that a caller asked for while a login took it out of use', async () => {
    await login('raced-1', 'unasked');
    await login('raced-1', 'idle', async () => {
      expect(await noteAsked('raced-1')).toBe(true);
    });

    expect((await table().read('raced-1', never)).item).toMatchObject({ dueAt, isUnasked: true });
    expect(await tickAt(dueAt)).toBe(1);
    await noteIdle('raced-1');
  });

  test('still finds an account that a caller asked for while a warm-up noted that it is in use no longer', async () => {
    await login('raced-2', 'unasked');
    const { revision } = (await table().read('raced-2', never)).item;
    await noteAsked('raced-2');

    expect(await table().write('raced-2', { kind: 'note', revision }, never)).toBe(false);
    expect(await tickAt(dueAt)).toBe(1);
    await noteIdle('raced-2');
  });

  test('is noted once by callers that find the same token together, so that their notes refuse no claim after the first', async () => {
    await login('herd-1', 'unasked');
    const notes = await Promise.all(Array.from({ length: 5 }, () => noteAsked('herd-1')));
    const { item } = await table().read('herd-1', never);

    expect(notes.filter(Boolean)).toHaveLength(1);
    expect(item).toMatchObject({ revision: 3, dueAt });
    expect(await table().write('herd-1', { kind: 'note', dueAt: dueAt + 1 }, never)).toBe(true);
    await noteIdle('herd-1');
  });

  test('is there only with a queue, and fails with configuration when its address is malformed', () => {
    const options = { dynamo: dynamo(), tableName: 'tokens', now: () => now };
    expect(createSendDue({ ...options, warmupQueue: undefined })).toBeUndefined();
    expect(() => createSendDue({ ...options, warmupQueue: 'due' })).toThrow('WARMUP_QUEUE_URL is not the URL');
  });

  test('fails with configuration when the table, or the queue, is missing', async () => {
    await expect(tickAt(now, 'no-such-table')).rejects.toMatchObject({ code: 'configuration' });
    await login('lost-1', 'asked');
    status = 400;
    await expect(tickAt(dueAt)).rejects.toMatchObject({ code: 'configuration' });
    expect(requests).toHaveLength(2);
  });

  test('fails with internal when the queue is down, and all that is due is sent by the next tick', async () => {
    await login('later-1', 'asked');
    status = 503;
    await expect(tickAt(dueAt)).rejects.toMatchObject({ code: 'internal' });
    status = 200;
    await tickAt(dueAt);
    expect(sent).toContain('later-1');
  });
});
