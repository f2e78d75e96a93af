// The DynamoDB client against real servers: responses, signatures, second attempts, dead connections.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallDynamo } from '../../../../lambda/aws/call-dynamo.ts';
import { DynamoFault } from '../../../../lambda/aws/call-dynamo.ts';
import { type AwsKeys, createCallDynamo } from '../../../../lambda/aws/dynamodb.ts';
import { authenticate, type SigningKeys } from '../../../../local/gateway/sigv4.ts';
import { type LoopbackServer, readBody, serve } from '../../../../local/loopback.ts';
import { startTable } from '../../../../local/table.ts';
import { skippingClock } from '../../../support/skipping-clock.ts';

/** What the server does with a request. Requests are counted from 1. */
type Behaviour = (request: IncomingMessage, response: ServerResponse, count: number) => void;

const keys: AwsKeys = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
/** Pauses take no time. */
const atOnce = { clock: { ...skippingClock(), sleep: async () => {} }, random: () => 0 };
const never = new AbortController().signal;
const secret = 'not-a-real-token';

let server: LoopbackServer;
let behaviour: Behaviour;
let requests: number;
let call: CallDynamo;

beforeEach(async () => {
  requests = 0;
  server = await serve((request, response) => {
    requests += 1;
    behaviour(request, response, requests);
  });
  call = createCallDynamo({ region: 'eu-west-1', endpoint: server.url, keys: () => keys }, atOnce);
});
afterEach(() => server.close());

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' }).end(text);
}

function fault(status: number, type: string): Behaviour {
  return (_, response) => answer(response, status, { __type: type, message: secret });
}

const found: Behaviour = (_, response) => answer(response, 200, { Item: { account: { S: 'main' } } });

/** Breaks the first request; the table answers all later ones. */
function once(first: Behaviour): Behaviour {
  return (request, response, count) => (count === 1 ? first : found)(request, response, count);
}

const breaking: Behaviour = (request) => request.socket.destroy();
const cutShort: Behaviour = (request, response) => {
  response.writeHead(200, { 'Content-Length': 1000 });
  response.write('{"Item":', () => request.socket.destroy());
};
const switching: Behaviour = (_, response) => {
  response.writeHead(101, { Connection: 'upgrade', Upgrade: 'x' }).end();
};

async function failureOf(work: Promise<unknown>): Promise<Error> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Error);
  return thrown instanceof Error ? thrown : new Error('unreachable');
}

function read(signal = never) {
  return call('GetItem', { TableName: 'tokens', Key: { account: { S: 'main' } } }, signal);
}

describe('a response of DynamoDB', () => {
  test('is returned with its time when the embedded DynamoDB answers', async () => {
    const table = await startTable('tokens');
    try {
      const real = createCallDynamo({ region: 'us-east-1', endpoint: table.url, keys: () => keys }, atOnce);
      const written = await real(
        'UpdateItem',
        {
          TableName: 'tokens',
          Key: { account: { S: 'main' } },
          UpdateExpression: 'SET revision = :r',
          ExpressionAttributeValues: { ':r': { N: '1' } },
        },
        never,
      );
      expect(Math.abs((written.at ?? 0) - Date.now())).toBeLessThan(2000);
      const item = await real('GetItem', { TableName: 'tokens', Key: { account: { S: 'main' } } }, never);
      expect(item.output).toMatchObject({ Item: { account: { S: 'main' }, revision: { N: '1' } } });
    } finally {
      await table.close();
    }
  });

  test('has the time of its Date header, and no time when there is no such header', async () => {
    behaviour = (request, response, count) => {
      response.sendDate = false;
      if (count === 1) {
        response.setHeader('Date', 'Tue, 24 Nov 2026 12:00:00 GMT');
      }
      found(request, response, count);
    };
    await expect(read()).resolves.toMatchObject({ at: Date.UTC(2026, 10, 24, 12) });
    await expect(read()).resolves.not.toHaveProperty('at');
  });

  test.each([
    [400, 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', 'ConditionalCheckFailedException'],
    [400, 'com.amazon.coral.service#AccessDeniedException', 'AccessDeniedException'],
    [400, 'ResourceNotFoundException', 'ResourceNotFoundException'],
    [400, 'no type at all', 'UnreadableAnswer'],
  ])('of %i %s is an error of that name after one attempt, without its text', async (status, type, name) => {
    behaviour = fault(status, type);
    const error = await failureOf(read());
    expect(error.name).toBe(name);
    expect(inspect(error, { depth: 9 })).not.toContain(secret);
    expect(requests).toBe(1);
  });

  test.each([`{"Item": ${secret}`, '', 'null and more'])(
    'is not quoted in the error when it is not JSON (%j)',
    async (text) => {
      behaviour = (_, response) => answer(response, 200, text);
      const error = await failureOf(read());
      expect(inspect(error, { depth: 9 })).not.toContain(secret);
      expect(requests).toBe(2);
    },
  );
});

describe('a refused update', () => {
  test('brings the item along, which no print of the error shows', async () => {
    const item = { account: { S: 'main' }, access_token: { S: secret } };
    behaviour = (_, response) => answer(response, 400, { __type: 'ConditionalCheckFailedException', Item: item });
    const error = await failureOf(read());

    expect(error instanceof DynamoFault && error.record).toEqual(item);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
  });

  test('is a fault without an item when the embedded DynamoDB answers, which does not send it', async () => {
    const table = await startTable('tokens');
    try {
      call = createCallDynamo({ region: 'us-east-1', endpoint: table.url, keys: () => keys }, atOnce);
      const refused = call(
        'UpdateItem',
        {
          TableName: 'tokens',
          Key: { account: { S: 'main' } },
          UpdateExpression: 'REMOVE revision',
          ConditionExpression: 'attribute_exists(account)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
        never,
      );
      const error = await failureOf(refused);
      expect(error.name).toBe('ConditionalCheckFailedException');
      expect(error instanceof DynamoFault && error.record).toBeUndefined();
    } finally {
      await table.close();
    }
  });
});

describe('a request to DynamoDB', () => {
  test('is signed for DynamoDB and the region, with the current keys', async () => {
    const seen: string[] = [];
    let current = keys;
    call = createCallDynamo({ region: 'eu-west-1', endpoint: server.url, keys: () => current }, atOnce);
    behaviour = (request, response, count) => {
      void signerOf(request).then((id) => {
        seen.push(id);
        found(request, response, count);
      });
    };
    await read();
    current = { accessKeyId: 'rotated', secretAccessKey: 'not-a-real-key-either', sessionToken: 'not-a-real-session' };
    await read();
    expect(seen).toEqual(['local', 'rotated']);
  });

  async function signerOf(request: IncomingMessage): Promise<string> {
    const known: readonly SigningKeys[] = [
      keys,
      { accessKeyId: 'rotated', secretAccessKey: 'not-a-real-key-either', sessionToken: 'not-a-real-session' },
    ];
    const { method = '', url: path = '', headers } = request;
    const body = (await readBody(request, 1_000_000)) ?? Buffer.alloc(0);
    const names = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
    const signed = { method, path, query: [], headers: new Map(names), body };
    const keysOf = (id: string) => known.find(({ accessKeyId }) => accessKeyId === id);
    const check = { keysOf, region: 'eu-west-1', service: 'dynamodb', now: Date.now() };
    return authenticate(signed, check).then(
      ({ accessKeyId }) => accessKeyId,
      (error: Error) => `refused: ${error.name}`,
    );
  }

  test('keeps its connection for the next request', async () => {
    const ports = new Set<unknown>();
    behaviour = (request, response, count) => {
      ports.add(request.socket.remotePort);
      found(request, response, count);
    };
    await read();
    await read();
    await read();
    expect(ports.size).toBe(1);
  });

  test('fails only when it is made, if the endpoint is not a URL', async () => {
    call = createCallDynamo({ region: 'eu-west-1', endpoint: 'no url', keys: () => keys }, atOnce);
    expect((await failureOf(read())).name).toBe('TypeError');
  });
});

describe('a second attempt', () => {
  test.each([
    ['500', fault(500, 'InternalServerError')],
    ['503 without a type', (_: unknown, response: ServerResponse) => answer(response, 503, '<html>')],
    ['a throttle', fault(400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException')],
    ['a throttle of another kind', fault(400, 'com.amazon.coral.availability#ThrottlingException')],
    ['a request limit', fault(400, 'com.amazonaws.dynamodb.v20120810#RequestLimitExceeded')],
    ['a broken connection', breaking],
    ['a truncated response', cutShort],
    ['a switch of protocols', switching],
  ] as const)('after %s serves', async (_, first) => {
    behaviour = once(first);
    await expect(read()).resolves.toMatchObject({ output: { Item: { account: { S: 'main' } } } });
    expect(requests).toBe(2);
  });

  test.each([
    ['500', fault(500, 'InternalServerError'), 'InternalServerError'],
    ['a broken connection', breaking, 'Error'],
    ['a switch of protocols', switching, 'Error'],
  ] as const)('is the last: %s twice', async (_, always, name) => {
    behaviour = always;
    expect((await failureOf(read())).name).toBe(name);
    expect(requests).toBe(2);
  });

  test('is made in time when the first is not answered', async () => {
    behaviour = once(() => {});
    const startedAt = performance.now();
    await expect(read()).resolves.toHaveProperty('output');
    expect(performance.now() - startedAt).toBeLessThan(2500);
  });

  test('ends within 3 s of the start of the first', async () => {
    behaviour = () => {};
    const startedAt = performance.now();
    await failureOf(read());
    expect(performance.now() - startedAt).toBeLessThan(3500);
    expect(requests).toBe(2);
  });
});

describe('the signal of a call', () => {
  test('stops the call before it sends anything when it has aborted', async () => {
    behaviour = found;
    expect((await failureOf(read(AbortSignal.abort()))).name).toBe('AbortError');
    expect(requests).toBe(0);
  });

  // Node 24 never frees a part of such a signal: 300 bytes a call.
  test('is combined with others only once', async () => {
    const combine = vi.spyOn(AbortSignal, 'any');
    behaviour = once(fault(500, 'InternalServerError'));
    await read();
    const combined = combine.mock.results.map(({ value }) => value);

    expect(combined).toHaveLength(2);
    expect(combine.mock.calls.flatMap(([signals]) => [...signals]).filter((one) => combined.includes(one))).toEqual([]);
  });

  test('ends the call without a second attempt when it aborts', async () => {
    const late = new AbortController();
    behaviour = () => late.abort();
    const startedAt = performance.now();
    expect((await failureOf(read(late.signal))).name).toBe('AbortError');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(requests).toBe(1);
  });
});

describe('kept connections that died in a freeze', () => {
  test('promise 26: make none of 100 calls fail', async () => {
    const used = new WeakSet<object>();
    behaviour = (request, response, count) => {
      // A server that has closed the connection answers the next bytes with a reset.
      used.has(request.socket) ? request.socket.resetAndDestroy() : found(request, response, count);
      used.add(request.socket);
    };
    for (let n = 0; n < 100; n++) {
      await expect(read()).resolves.toHaveProperty('output.Item');
    }
    expect(requests).toBeGreaterThan(150);
  });

  test('promise 26: make no call fail, however many connections were kept', async () => {
    const kept = new WeakSet<object>();
    const open: (() => void)[] = [];
    behaviour = (request, response, count) => {
      if (kept.has(request.socket)) {
        request.socket.resetAndDestroy();
        return;
      }
      kept.add(request.socket);
      // The first ten are answered together, so that each has its own connection.
      open.push(() => found(request, response, count));
      if (count >= 10) {
        open.splice(0).forEach((go) => {
          go();
        });
      }
    };
    await Promise.all(Array.from({ length: 10 }, () => read()));
    await expect(read()).resolves.toHaveProperty('output.Item');
    expect(requests).toBe(12);
  });

  test('do not end a call that is in flight', async () => {
    let release = () => {};
    behaviour = (request, response, count) => {
      if (count === 3) {
        release = () => found(request, response, count);
      } else if (count === 4) {
        request.socket.destroy();
        release();
      } else {
        found(request, response, count);
      }
    };
    await Promise.all([read(), read()]);
    await expect(Promise.all([read(), read()])).resolves.toHaveLength(2);
    expect(requests).toBe(5);
  });
});
