// Tests the handler of the probe (infra/probe/handler.ts), against a server with the answers of a broker.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { handler } from '../../../infra/probe/handler.ts';

/** What the server answers, with its status. */
let answer: { status: number; body: object };
let paths: string[];
const server = createServer(({ url = '' }, response) => {
  paths.push(url);
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
});

beforeEach(async () => {
  paths = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  vi.stubEnv('FEGORA_BROKER_ENDPOINT', `http://127.0.0.1:${port}/v1/`);
  vi.stubEnv('FEGORA_BROKER_ACCOUNT', 'main');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-a-real-key');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
});

const token = 'a-token';
const served = {
  access_token: token,
  expires_in: 600,
  account: 'main',
  token_sha256: createHash('sha256').update(token).digest('hex'),
};
const refused = { error: 'forbidden', error_description: 'The caller may not do this.', retryable: false };

test('handler returns the outcome when it is the expected one, and never the token', async () => {
  vi.stubEnv('EXPECTED_OUTCOME', 'token');
  answer = { status: 200, body: served };
  expect(await handler()).toEqual({ outcome: 'token' });
  expect(paths).toEqual(['/v1/token/main']);
});

test('handler asks the broker at each call, and not a cache', async () => {
  vi.stubEnv('EXPECTED_OUTCOME', 'token');
  answer = { status: 200, body: served };
  await handler();
  await handler();
  expect(paths).toHaveLength(2);
});

test('handler returns forbidden when it expects that, and throws when it gets a token instead', async () => {
  vi.stubEnv('EXPECTED_OUTCOME', 'forbidden');
  answer = { status: 403, body: refused };
  expect(await handler()).toEqual({ outcome: 'forbidden' });
  answer = { status: 200, body: served };
  await expect(handler()).rejects.toThrow('the outcome was token, but forbidden was expected');
});

test('handler throws with the name of the variable when it has neither endpoint nor function', async () => {
  vi.stubEnv('EXPECTED_OUTCOME', 'token');
  vi.stubEnv('FEGORA_BROKER_ENDPOINT', undefined);
  vi.stubEnv('FEGORA_BROKER_ACCOUNT', undefined);
  await expect(handler()).rejects.toThrow('FEGORA_BROKER_ACCOUNT is not set');
});
