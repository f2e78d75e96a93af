import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handler } from '../../../lambda/handler.ts';
import { startEnvironment } from '../../../local/environment.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { type Target, targets } from '../../support/targets.ts';
import {
  type Answer,
  passwordOf,
  secretOf,
  startTestSystem,
  type TestSystem,
  tableName,
} from '../../support/test-system.ts';

let world: TestSystem;
let output: Capture;

beforeEach(async () => {
  output = captureOutput();
  world = await startTestSystem();
});
afterEach(async () => {
  await world.close();
  output.stop();
});

/** Promise 42, on every answer of these scenarios. */
function expectContractHeaders({ headers }: Answer): void {
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  expect(named).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    'x-content-type-options': 'nosniff',
  });
  expect(Object.keys(named).filter((name) => /^access-control-|cookie/.test(name))).toEqual([]);
}

describe.each(Object.entries(targets))('%s', (_name, open) => {
  let target: Target;

  beforeEach(async () => {
    target = await open(world.environment());
  });
  afterEach(() => target.close());

  async function post(account?: string, body?: string): Promise<Answer> {
    const answer = await target.post(account, body);
    expectContractHeaders(answer);
    return answer;
  }

  it('promise 42: a first call logs in, a second one is served from memory, another environment from the table', async () => {
    const first = await post('one');
    expect(first).toMatchObject({ status: 200, body: { account: 'one', token_type: 'bearer', source: 'upstream' } });
    expect(first.body.expires_in).toBeGreaterThan(1790);
    expect(await post('one')).toMatchObject({
      status: 200,
      body: { ...first.body, source: 'memory', expires_in: expect.any(Number) },
    });
    const shared = await world.environment().http({ account: 'one' });
    expect(shared.body).toMatchObject({ access_token: first.body.access_token, source: 'shared' });
    expect(world.fegora.counters().logins).toBe(1);
  });

  it('the default account needs no name', async () => {
    expect(await post()).toMatchObject({ status: 200, body: { account: 'one' } });
  });

  it('Fegora accepts the token', async () => {
    const { body } = await post('two');
    const headers = { Authorization: `Bearer ${body.access_token}` };
    expect((await fetch(`${world.fegora.origin}/api/whoami`, { headers })).status).toBe(200);
  });

  it('a direct call is answered with the same', async () => {
    const { body } = await post('one');
    const answer = await target.direct('one', { min_validity: 60 });
    expect(answer).toEqual({ result: { ...body, source: 'memory', expires_in: expect.any(Number) } });
  });

  it('promise 44: a call for metadata is answered without the access token, and none with a refresh token', async () => {
    const metadata = await post('one', '{"want":"metadata"}');
    expect(metadata).toMatchObject({ status: 200, body: { source: 'upstream', token_sha256: expect.any(String) } });
    expect(JSON.stringify(metadata)).not.toMatch(/access_token|not-a-real/);
    expect(JSON.stringify(await post('one'))).not.toMatch(/refresh/);
    expect(JSON.stringify(await target.direct('one', { want: 'metadata' }))).not.toMatch(/access_token|not-a-real/);
  });

  it('promise 36: a token that Fegora answered 401 to is replaced; another one’s report is not', async () => {
    const first = await post('one');
    const report = JSON.stringify({ rejected: first.body.token_sha256 });
    const second = await post('one', report);
    expect(second).toMatchObject({ status: 200, body: { source: 'upstream' } });
    expect(second.body.token_sha256).not.toBe(first.body.token_sha256);
    expect((await post('one', report)).body.token_sha256).toBe(second.body.token_sha256);
    expect(world.fegora.counters().logins).toBe(2);
  });

  it('a bad request costs nothing', async () => {
    expect(await post('one', '{"account":"two"}')).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', retryable: false, request_id: expect.any(String) },
    });
    expect(await target.direct('one', { account: 'two' })).toMatchObject({ errorType: 'InvalidRequest' });
    expect(world.secrets.calls('GetSecretValue')).toBe(0);
  });

  it('an account that is not configured costs nothing', async () => {
    expect(await post('three')).toMatchObject({ status: 404, body: { error: 'unknown_account', retryable: false } });
    expect(await target.direct('three')).toMatchObject({ errorType: 'UnknownAccount' });
    expect(world.secrets.calls('GetSecretValue')).toBe(0);
  });

  it('promise 19: a wrong password is tried once; promise 20: a new one at once', async () => {
    world.secrets.put('fegora/one', secretOf('one', 'not-a-real-password-wrong'));
    for (let call = 0; call < 3; call += 1) {
      expect(await post('one')).toMatchObject({
        status: 502,
        body: { error: 'credentials_rejected', retryable: false },
      });
    }
    expect(await target.direct('one')).toEqual({
      errorType: 'CredentialsRejected',
      errorMessage: expect.stringContaining('"error":"credentials_rejected"'),
      trace: ['CredentialsRejected'],
    });
    expect(world.fegora.counters().refusals).toBe(1);
    world.secrets.put('fegora/one', secretOf('one', passwordOf('one')));
    await expect.poll(async () => (await post('one')).status, { timeout: 10_000, interval: 500 }).toBe(200);
    expect(world.fegora.counters().refusals).toBe(1);
  });

  it('Fegora’s trouble is said in our words, with a time to try again', async () => {
    world.fegora.addFault({ kind: 'answer', status: 503, body: 'a host name of theirs' });
    const answer = await post('one');
    expect(answer).toMatchObject({ status: 503, body: { error: 'upstream_unavailable', retryable: true } });
    const retryAfter = answer.headers['Retry-After'] ?? answer.headers['retry-after'];
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(answer.body.retry_after).toBe(Number(retryAfter));
    expect(JSON.stringify(answer)).not.toContain('a host name of theirs');
  });

  it('promise 1: 200 first calls at once are one login', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => post('one')));
    const tokens = new Set(answers.map(({ body }) => body.access_token));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(tokens.size).toBe(1);
    expect(world.fegora.counters().logins).toBe(1);
  });
});

describe('promise 24: a secret that cannot be used', () => {
  const wrong = 'not-a-real-password-in-the-wrong-place';
  const noValue = undefined;
  const secret = (fields: object) => JSON.stringify({ username: 'user-one', password: wrong, ...fields });

  it.each<[string, string | Uint8Array | undefined, string, string]>([
    ['is no JSON', wrong, 'secret_malformed', 'not a JSON object'],
    ['has no user', `{"password":"${wrong}"}`, 'secret_malformed', 'field username is missing'],
    ['has an empty user', secret({ username: '' }), 'secret_malformed', 'field username is empty'],
    ['has no password', `{"username":"${wrong}"}`, 'secret_malformed', 'field password is missing'],
    ['has an empty password', secret({ password: '' }), 'secret_malformed', 'field password is empty'],
    [
      'has white space around it',
      secret({ password: ` ${wrong}` }),
      'secret_malformed',
      'field password has white space',
    ],
    ['has another member', secret({ [wrong]: wrong }), 'secret_malformed', 'a member other than'],
    ['is binary', Buffer.from(secret({})), 'secret_malformed', 'binary'],
    ['is over 64 KB', secret({ password: wrong.repeat(2000) }), 'secret_malformed', 'over 64 KB'],
    ['has no value yet', noValue, 'credentials_missing', 'GetSecretValue'],
  ])('%s: the right code, no login, and the record names the field alone', async (_, value, code, detail) => {
    world.secrets.create('fegora/bad');
    if (value !== undefined) {
      world.secrets.put('fegora/bad', value);
    }
    const door = world.environment({ FEGORA_ACCOUNTS: '{"bad":"fegora/bad"}', FEGORA_DEFAULT_ACCOUNT: 'bad' });
    const answer = await door.http({ account: 'bad' });
    expectContractHeaders(answer);
    expect(answer).toMatchObject({ status: 500, body: { error: code, retryable: false } });
    await expect(door.invoke('bad')).rejects.toMatchObject({
      name: code === 'secret_malformed' ? 'SecretMalformed' : 'CredentialsMissing',
    });

    const audits = output.records().filter((record) => record.audit !== undefined);
    const expected = { audit: 'failure', account: 'bad', code, detail: expect.stringContaining(detail) };
    expect(audits).toMatchObject([expected, expected]);
    expect(output.text() + JSON.stringify(answer)).not.toContain(wrong);
    expect(world.fegora.counters().attempts).toBe(0);
  });
});

describe('promise 44: an operator', () => {
  it('and the schedule see everything but a token', async () => {
    const door = world.environment();
    const results = [
      await door.warmup(),
      await door.warmup(),
      await door.admin({ action: 'status' }),
      await door.admin({ action: 'verify', account: 'one' }),
      await door.admin({ action: 'pause', account: 'one' }),
      await door.admin({ action: 'status', account: 'one' }),
      await door.admin({ action: 'resume', account: 'one' }),
      await door.admin({ action: 'purge', account: 'one' }),
      await door.admin({ action: 'status', account: 'one' }),
      await door.warmup({ accounts: ['one', 'gone'] }),
    ];
    expect(results).toMatchObject([
      {
        results: [
          { account: 'one', outcome: 'renewed' },
          { account: 'two', outcome: 'renewed' },
        ],
      },
      {
        results: [
          { account: 'one', outcome: 'fresh' },
          { account: 'two', outcome: 'fresh' },
        ],
      },
      { accounts: [{ account: 'one', marks: 0, token_sha256: expect.any(String) }, { account: 'two' }] },
      { action: 'verify', outcome: expect.stringMatching(/^(fresh|skipped)$/) },
      { action: 'pause', outcome: 'done' },
      { accounts: [{ paused: true }] },
      { outcome: 'done' },
      { outcome: 'done' },
      { accounts: [{ paused: false }] },
      {
        results: [
          { account: 'one', outcome: 'renewed' },
          { account: 'gone', outcome: 'skipped' },
        ],
      },
    ]);
    expect(results[8]).not.toMatchObject({ accounts: [{ token_sha256: expect.anything() }] });
    expect(JSON.stringify(results)).not.toMatch(/access_token|not-a-real|refresh/);
  });
});

describe('promise 44: the table', () => {
  it('holds the access token, and nothing of the refresh token that came with it', async () => {
    const answer = await world.environment().http({ account: 'one' });
    const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
    const client = new DynamoDBClient({ endpoint: world.tableUrl, region: 'us-east-1', credentials });
    const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
    client.destroy();
    expect(Items).toHaveLength(1);
    expect(JSON.stringify(Items)).toContain(answer.body.access_token);
    // Those of the simulator begin with `not-a-real-refresh-`.
    expect(JSON.stringify(Items)).not.toMatch(/refresh/i);
  });
});

describe('promise 43: the log', () => {
  it('has one audit record per issue and per denial, and a count of both', async () => {
    const door = world.environment();
    await door.http({ account: 'one' });
    await door.invoke('one');
    await door.http({ account: 'one', body: '{"want":"metadata"}' });
    await door.http({ account: 'three' });
    await door.http({ account: 'ONE' });
    await expect(door.handler(httpEvent(), lambdaContext('$LATEST'))).rejects.toMatchObject({ name: 'Forbidden' });
    const audits = output.records().filter((record) => record.audit !== undefined);
    const caller = 'arn:aws:sts::000000000000:assumed-role/invoicing/session-1';
    const secret_version = expect.any(String);
    expect(audits).toMatchObject([
      { audit: 'issue', caller, account: 'one', source: 'upstream', secret_version, token_sha256: expect.any(String) },
      { audit: 'issue', caller: 'alias:account-one', account: 'one', source: 'memory', secret_version },
      { audit: 'issue', caller, account: 'one', want: 'metadata' },
      { audit: 'denial', caller, account: 'three', code: 'unknown_account' },
      { audit: 'denial', caller, code: 'invalid_account' },
      { audit: 'denial', caller: 'alias:$LATEST', code: 'forbidden' },
    ]);
    expect(audits.every(({ request_id, invocation_id }) => Boolean(request_id) && Boolean(invocation_id))).toBe(true);
    const counts = output.records().filter((record) => '_aws' in record);
    expect(counts.filter((record) => 'Served' in record)).toHaveLength(3);
    expect(counts.filter((record) => 'Denied' in record)).toHaveLength(3);
  });
});

describe('promise 31: a configuration at fault', () => {
  it.each([
    ['NODE_TLS_REJECT_UNAUTHORIZED', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    ['FEGORA_TOKEN_URL', { FEGORA_TOKEN_URL: 'http://api.fegora.com/token' }],
    ['FEGORA_TOKEN_URL', { FEGORA_TOKEN_URL: 'https://ana:not-a-real-password@api.fegora.com/token' }],
  ])('answers every call `configuration`, and the log names %s: %#', async (variable, env) => {
    const door = world.environment(env);
    expect(output.records()).toMatchObject([{ level: 'ERROR', faults: [{ variable }] }]);
    const answer = await door.http();
    expectContractHeaders(answer);
    expect(answer).toMatchObject({ status: 500, body: { error: 'configuration', retryable: false } });
    await expect(door.invoke('one')).rejects.toMatchObject({ name: 'Configuration' });
    await expect(door.warmup()).rejects.toMatchObject({ name: 'Configuration' });
    await expect(door.admin({ action: 'status' })).rejects.toMatchObject({ name: 'Configuration' });
    await expect(door.handler({}, lambdaContext(undefined))).rejects.toMatchObject({ name: 'Configuration' });
    expect(output.records().filter(({ detail }) => String(detail).includes(variable))).toHaveLength(5);
    expect(output.text()).not.toMatch(/not-a-real-password/);
    expect([world.secrets.calls('GetSecretValue'), world.fegora.counters().attempts]).toEqual([0, 0]);
  });
});

describe('the exported handler', () => {
  it('is the wrapped one: its middleware answers what the handler beneath throws', async () => {
    // This process has none of the function's variables.
    expect(await handler(httpEvent(), lambdaContext('http'))).toMatchObject({
      statusCode: 500,
      headers: { 'Cache-Control': 'no-store' },
      body: expect.stringContaining('"error":"configuration"'),
    });
    await expect(handler({}, lambdaContext('account-one'))).rejects.toMatchObject({
      name: 'Configuration',
      stack: 'Configuration',
    });
  });

  it('is the wrapped one with all variables set too: it serves, and answers a refusal in the contract’s form', async () => {
    const environment = startEnvironment(world.env, () => {});
    const send = (event: unknown, alias: string) => environment.handler(event, lambdaContext(alias));
    try {
      expect(await send(httpEvent({ account: 'one' }), 'http')).toMatchObject({
        statusCode: 200,
        body: expect.stringContaining('"source":"upstream"'),
      });
      expect(await send(httpEvent({ account: 'ONE' }), 'http')).toMatchObject({
        statusCode: 400,
        headers: { 'Cache-Control': 'no-store' },
        body: expect.stringContaining('"error":"invalid_account"'),
      });
      await expect(send({}, '$LATEST')).rejects.toMatchObject({ name: 'Forbidden', stack: 'Forbidden' });
    } finally {
      await environment.stop();
    }
  });
});
