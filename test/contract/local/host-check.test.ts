// Tests that every server of the local run answers only requests for this machine, and none of a page in a browser.
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signer } from '../../../client/signer.ts';
import { startFegoraSimulator } from '../../../local/fegora/simulator.ts';
import { localCallers } from '../../../local/gateway/callers.ts';
import { startGateway } from '../../../local/gateway/gateway.ts';
import type { LoopbackServer } from '../../../local/loopback.ts';
import { startSecretsManager } from '../../../local/secrets-manager/server.ts';
import { startTable } from '../../../local/table.ts';
import { tokenAnswer } from '../../support/openapi/token-answer.ts';

type Headers = Readonly<Record<string, string>>;

const password = 'not-a-real-password-behind-the-check';
const dynamoHeaders = {
  'x-amz-target': 'DynamoDB_20120810.ListTables',
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20261127T000000Z',
  authorization: 'AWS4-HMAC-SHA256 Credential=a/b/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=c',
};
/** A request that the server answers with `content`, unless the check refuses it. */
const harm: Readonly<Record<string, { path: string; headers?: Headers; body?: string; content: RegExp }>> = {
  gateway: { path: '/token/main', content: /The call is not signed/ },
  'the Fegora simulator': { path: '/_control', content: /"logins":0/ },
  'the emulator of Secrets Manager': {
    path: '/',
    headers: { 'x-amz-target': 'secretsmanager.GetSecretValue' },
    body: '{"SecretId":"fegora/main"}',
    content: new RegExp(password),
  },
  'the embedded DynamoDB': { path: '/', headers: dynamoHeaders, body: '{}', content: /"TableNames":\["tokens"\]/ },
};
const servers = new Map<string, LoopbackServer>();

beforeAll(async () => {
  const secrets = await startSecretsManager();
  secrets.create('fegora/main', JSON.stringify({ username: 'someone', password }));
  const simulator = await startFegoraSimulator();
  const callers = Object.values(localCallers('main'));
  servers.set('gateway', await startGateway({ handler: async () => ({}), callers, aliases: [] }));
  servers.set('the Fegora simulator', { url: simulator.origin, close: simulator.close });
  servers.set('the emulator of Secrets Manager', secrets);
  servers.set('the embedded DynamoDB', await startTable('tokens'));
});

afterAll(async () => {
  await Promise.all(Array.from(servers.values(), ({ close }) => close()));
});

/** Sends the request that would do harm. `host` has `PORT` for the port of the server. */
async function send(name: string, host: string, headers: Headers = {}): Promise<{ status: number; body: string }> {
  const { port } = new URL(servers.get(name)?.url ?? '');
  const { path, headers: own = {}, body = '' } = harm[name] ?? { path: '' };
  const sent = { ...own, ...headers, host: host.replace('PORT', port) };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, method: 'POST', path, headers: sent, agent: false }, async (answer) => {
      resolve({ status: answer.statusCode ?? 0, body: await text(answer) });
    })
      .once('error', reject)
      .end(body);
  });
}

const refused = {
  status: 403,
  body: expect.stringMatching(/^\{"error":"forbidden".*"The local run takes (no )?calls/),
};

describe.each(Object.keys(harm))('%s', (name) => {
  test.each(['127.0.0.1:PORT', 'localhost:PORT', 'LOCALHOST:PORT', '[::1]:PORT', 'localhost', 'localhost:1'])(
    `the host check of ${name} lets the host %s through`,
    async (host) => {
      expect((await send(name, host)).body).toMatch(harm[name]?.content ?? /never/);
    },
  );

  test.each([
    'rebound.attacker.example:PORT',
    '127.0.0.1.attacker.example:PORT',
    'localhost.attacker.example',
    '127.0.0.1:PORT.attacker.example',
    'attacker.example@127.0.0.1:PORT',
    'localhost.:PORT',
    '0.0.0.0:PORT',
    'host.docker.internal:PORT',
  ])(`the host check of ${name} refuses the host «%s», so DNS rebinding gets nothing`, async (host) => {
    expect(await send(name, host)).toEqual(refused);
  });

  test.each([
    ['a page of another origin', { origin: 'https://attacker.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['a page of another local server', { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }],
    ['an image or a script in a page', { 'sec-fetch-site': 'cross-site' }],
    ['a page that has rebound its name to localhost', { 'sec-fetch-site': 'same-origin' }],
  ])(`the host check of ${name} refuses %s`, async (_, headers) => {
    expect(await send(name, '127.0.0.1:PORT', headers)).toEqual(refused);
  });
});

// Node answers it with 417 before any listener of the other servers.
test('the gateway refuses a page whose request has an unknown Expect', async () => {
  expect(await send('gateway', '127.0.0.1:PORT', { origin: 'null', expect: 'anything' })).toEqual(refused);
});

describe('the gateway for containers', () => {
  const callers = localCallers('main');
  const start = (address?: string) =>
    startGateway({
      handler: async () => tokenAnswer,
      callers: Object.values(callers),
      aliases: [],
      address,
    });
  /** Signs for the host name and sends to the address. */
  async function call(url: string, address: string, keys = callers.all): Promise<number> {
    const { port } = new URL(url);
    const unsigned = { url: new URL(`${url}/token`), headers: {}, body: '' };
    const { headers } = await signer('execute-api', 'us-east-1')(unsigned, keys, Date.now());
    return new Promise((resolve, reject) => {
      request({ host: address, port, method: 'POST', path: '/token', headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .once('error', reject)
        .end();
    });
  }

  test('the gateway takes the names that containers have for it when its other address is 127.0.0.1', async () => {
    const told = await start('127.0.0.1');
    servers.set('told on 127.0.0.1', told);
    expect(await call(`http://host.docker.internal:${new URL(told.url).port}`, '127.0.0.1')).toBe(200);
  });

  // Only Linux has all addresses of 127.0.0.0/8.
  test.skipIf(process.platform !== 'linux')(
    'the gateway answers on another address, by the names that containers have for it, only if it is told to',
    async () => {
      const told = await start('127.0.0.2');
      servers.set('told', told);
      const { port } = new URL(told.url);
      for (const host of ['host.docker.internal', 'host.containers.internal', '127.0.0.2', '127.0.0.1']) {
        expect(await call(`http://${host}:${port}`, '127.0.0.2')).toBe(200);
        expect(await call(`http://${host}:${port}`, '127.0.0.1')).toBe(200);
      }
      expect(await call(`http://attacker.example:${port}`, '127.0.0.2')).toBe(403);
      const { accessKeyId, ...rest } = callers.all;
      expect(
        await call(`http://host.docker.internal:${port}`, '127.0.0.2', { ...rest, accessKeyId: 'local-all' }),
      ).toBe(403);

      const untold = await start();
      servers.set('untold', untold);
      const own = new URL(untold.url).port;
      expect(await call(`http://host.docker.internal:${own}`, '127.0.0.1')).toBe(403);
      await expect(call(`http://127.0.0.1:${own}`, '127.0.0.2')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'the gateway closes its other listener when it closes, and when the other address cannot be had',
    async () => {
      await expect(start('203.0.113.9')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
      const gateway = await start('127.0.0.2');
      const { port } = new URL(gateway.url);
      await gateway.close();
      await expect(call(`http://127.0.0.2:${port}`, '127.0.0.2')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
  );
});

test('each run has keys of its own, which tell that they are of a local run', () => {
  const keysOf = () =>
    Object.values(localCallers('main')).flatMap(({ accessKeyId, secretAccessKey, sessionToken }) =>
      [accessKeyId, secretAccessKey, sessionToken].filter((key) => key !== undefined),
    );
  const [one, two] = [keysOf(), keysOf()];
  expect(new Set([...one, ...two]).size).toBe(28);
  for (const key of one) {
    expect(key).toMatch(/^(local-[a-z]+-[\da-f]{8}|not-a-real-key-[\da-f]{32}|local-session-token-[\da-f]{32})$/);
  }
});
