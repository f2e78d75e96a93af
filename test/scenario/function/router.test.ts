// The function from event to answer, against local servers: in process, through the gateway, and as exported.
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handler } from '../../../lambda/handler.ts';
import { startEnvironment } from '../../../local/environment.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { callFunction } from '../../support/events/call-function.ts';
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

let system: TestSystem;
let output: Capture;

beforeEach(async () => {
  output = captureOutput();
  system = await startTestSystem();
});
afterEach(async () => {
  await system.close();
  output.stop();
});

/** Checks promise 42 on every answer of these scenarios. */
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
    target = await open(system.environment());
  });
  afterEach(() => target.close());

  async function post(account?: string, body?: string): Promise<Answer> {
    const answer = await target.post(account, body);
    expectContractHeaders(answer);
    return answer;
  }

  it('promise 42: logs in for the first request, then answers from memory, and from the table in another environment', async () => {
    const first = await post('one');
    expect(first).toMatchObject({ status: 200, body: { account: 'one', token_type: 'bearer', source: 'upstream' } });
    expect(first.body.expires_in).toBeGreaterThan(1790);
    expect(await post('one')).toMatchObject({
      status: 200,
      body: { ...first.body, source: 'memory', expires_in: expect.any(Number) },
    });
    const shared = await system.environment().http({ account: 'one' });
    expect(shared.body).toMatchObject({ access_token: first.body.access_token, source: 'shared' });
    expect(system.fegora.counters().logins).toBe(1);
  });

  it('answers for the default account when the path names none', async () => {
    expect(await post()).toMatchObject({ status: 200, body: { account: 'one' } });
  });

  it('gives a token that Fegora accepts', async () => {
    const { body } = await post('two');
    const headers = { Authorization: `Bearer ${body.access_token}` };
    expect((await fetch(`${system.fegora.origin}/api/whoami`, { headers })).status).toBe(200);
  });

  it('answers a direct invocation with the same members', async () => {
    const { body } = await post('one');
    const answer = await target.direct('one', { min_validity: 60 });
    expect(answer).toEqual({ result: { ...body, source: 'memory', expires_in: expect.any(Number) } });
  });

  it('promise 44: gives no access token when metadata is wanted, and never a refresh token', async () => {
    const metadata = await post('one', '{"want":"metadata"}');
    expect(metadata).toMatchObject({ status: 200, body: { source: 'upstream', token_sha256: expect.any(String) } });
    expect(JSON.stringify(metadata)).not.toMatch(/access_token|not-a-real/);
    expect(JSON.stringify(await post('one'))).not.toMatch(/refresh/);
    expect(JSON.stringify(await target.direct('one', { want: 'metadata' }))).not.toMatch(/access_token|not-a-real/);
  });

  it('promise 36: replaces a token that is reported as rejected, and ignores a second report of it', async () => {
    const first = await post('one');
    const report = JSON.stringify({ rejected: first.body.token_sha256 });
    const second = await post('one', report);
    expect(second).toMatchObject({ status: 200, body: { source: 'upstream' } });
    expect(second.body.token_sha256).not.toBe(first.body.token_sha256);
    expect((await post('one', report)).body.token_sha256).toBe(second.body.token_sha256);
    expect(system.fegora.counters().logins).toBe(2);
  });

  it('refuses a malformed request without reading the secret', async () => {
    expect(await post('one', '{"account":"two"}')).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', retryable: false, request_id: expect.any(String) },
    });
    expect(await target.direct('one', { account: 'two' })).toMatchObject({ errorType: 'InvalidRequest' });
    expect(system.secrets.calls('GetSecretValue')).toBe(0);
  });

  it('refuses an account that is not configured without reading a secret', async () => {
    expect(await post('three')).toMatchObject({ status: 404, body: { error: 'unknown_account', retryable: false } });
    expect(await target.direct('three')).toMatchObject({ errorType: 'UnknownAccount' });
    expect(system.secrets.calls('GetSecretValue')).toBe(0);
  });

  it('promise 19: tries a wrong password once; promise 20: tries a new password at once', async () => {
    system.secrets.put('fegora/one', secretOf('one', 'not-a-real-password-wrong'));
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
    expect(system.fegora.counters().refusals).toBe(1);
    system.secrets.put('fegora/one', secretOf('one', passwordOf('one')));
    await expect.poll(async () => (await post('one')).status, { timeout: 10_000, interval: 500 }).toBe(200);
    expect(system.fegora.counters().refusals).toBe(1);
  });

  it('answers a failure of Fegora with our own text and with Retry-After', async () => {
    system.fegora.addFault({ kind: 'answer', status: 503, body: 'a host name of theirs' });
    const answer = await post('one');
    expect(answer).toMatchObject({ status: 503, body: { error: 'upstream_unavailable', retryable: true } });
    const retryAfter = answer.headers['Retry-After'] ?? answer.headers['retry-after'];
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(answer.body.retry_after).toBe(Number(retryAfter));
    expect(JSON.stringify(answer)).not.toContain('a host name of theirs');
  });

  it('promise 1: logs in once for 200 concurrent first requests', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => post('one')));
    const tokens = new Set(answers.map(({ body }) => body.access_token));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(tokens.size).toBe(1);
    expect(system.fegora.counters().logins).toBe(1);
  });
});

describe('promise 24: an unusable secret', () => {
  const wrong = 'not-a-real-password-in-the-wrong-place';
  const noValue = undefined;
  const secret = (fields: object) => JSON.stringify({ username: 'user-one', password: wrong, ...fields });

  it.each<[string, string | Uint8Array | undefined, string, string]>([
    ['is not JSON', wrong, 'secret_malformed', 'not a JSON object'],
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
  ])('that %s gives the right code and no login, and the log names only the field', async (_, value, code, detail) => {
    system.secrets.create('fegora/bad');
    if (value !== undefined) {
      system.secrets.put('fegora/bad', value);
    }
    const entryPoints = system.environment({ FEGORA_ACCOUNTS: '{"bad":"fegora/bad"}', FEGORA_DEFAULT_ACCOUNT: 'bad' });
    const answer = await entryPoints.http({ account: 'bad' });
    expectContractHeaders(answer);
    expect(answer).toMatchObject({ status: 500, body: { error: code, retryable: false } });
    await expect(entryPoints.invoke('bad')).rejects.toMatchObject({
      name: code === 'secret_malformed' ? 'SecretMalformed' : 'CredentialsMissing',
    });

    const audits = output.records().filter((record) => record.audit !== undefined);
    const expected = { audit: 'failure', account: 'bad', code, detail: expect.stringContaining(detail) };
    expect(audits).toMatchObject([expected, expected]);
    expect(output.text() + JSON.stringify(answer)).not.toContain(wrong);
    expect(system.fegora.counters().attempts).toBe(0);
  });

  it('that is deleted gives secret_missing and no login', async () => {
    const entryPoints = system.environment();
    expect(await entryPoints.http()).toMatchObject({ status: 200 });
    system.secrets.remove('fegora/one');
    await entryPoints.admin({ action: 'purge', account: 'one' });
    const answer = await system.environment().http();
    expectContractHeaders(answer);
    expect(answer).toMatchObject({ status: 500, body: { error: 'secret_missing', retryable: false } });
    await expect(system.environment().invoke('one')).rejects.toMatchObject({ name: 'SecretMissing' });
    expect(system.fegora.counters().logins).toBe(1);
  });
});

describe('promise 44: operators and the schedule', () => {
  it('see everything except a token', async () => {
    const entryPoints = system.environment();
    const results = [
      await entryPoints.warmup(),
      await entryPoints.warmup(),
      await entryPoints.admin({ action: 'status' }),
      await entryPoints.admin({ action: 'verify', account: 'one' }),
      await entryPoints.admin({ action: 'pause', account: 'one' }),
      await entryPoints.admin({ action: 'status', account: 'one' }),
      await entryPoints.admin({ action: 'resume', account: 'one' }),
      await entryPoints.admin({ action: 'purge', account: 'one' }),
      await entryPoints.admin({ action: 'status', account: 'one' }),
      await entryPoints.warmup({ accounts: ['one', 'gone'] }),
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

describe('promise 44: the item in the table', () => {
  it('contains the access token, and nothing of the refresh token', async () => {
    const answer = await system.environment().http({ account: 'one' });
    const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
    const client = new DynamoDBClient({ endpoint: system.tableUrl, region: 'us-east-1', credentials });
    const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
    client.destroy();
    // The item of the account, and that of the Fegora user.
    expect(Items).toHaveLength(2);
    expect(JSON.stringify(Items)).toContain(answer.body.access_token);
    // The refresh tokens of the simulator begin with `not-a-real-refresh-`.
    expect(JSON.stringify(Items)).not.toMatch(/refresh/i);
  });
});

describe('promise 43: the log of the function', () => {
  it('has one audit record and one metric for each issued token and each denial', async () => {
    const entryPoints = system.environment();
    await entryPoints.http({ account: 'one' });
    await entryPoints.invoke('one');
    await entryPoints.http({ account: 'one', body: '{"want":"metadata"}' });
    await entryPoints.http({ account: 'three' });
    await entryPoints.http({ account: 'ONE' });
    await expect(callFunction(entryPoints.handler, httpEvent(), lambdaContext('$LATEST'))).rejects.toMatchObject({
      name: 'Forbidden',
    });
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
    expect(audits.map(({ Failed, Denied }) => [Failed, Denied])).toEqual([
      ...Array.from({ length: 3 }, () => [0, undefined]),
      ...Array.from({ length: 3 }, () => [undefined, 1]),
    ]);
    expect(audits.filter((record) => !('_aws' in record))).toEqual([]);
  });
});

describe('promise 31: a faulty configuration', () => {
  it.each([
    ['NODE_TLS_REJECT_UNAUTHORIZED', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    ['FEGORA_TOKEN_URL', { FEGORA_TOKEN_URL: 'http://api.fegora.com/token' }],
    ['FEGORA_TOKEN_URL', { FEGORA_TOKEN_URL: 'https://ana:not-a-real-password@api.fegora.com/token' }],
  ])('makes every answer `configuration`, and the log names %s: %#', async (variable, env) => {
    const entryPoints = system.environment(env);
    expect(output.records()).toMatchObject([{ level: 'ERROR', faults: [{ variable }] }]);
    const answer = await entryPoints.http();
    expectContractHeaders(answer);
    expect(answer).toMatchObject({ status: 500, body: { error: 'configuration', retryable: false } });
    await expect(entryPoints.invoke('one')).rejects.toMatchObject({ name: 'Configuration' });
    // An error would be counted as a crash of the function too.
    expect(await entryPoints.warmup()).toMatchObject({ error: 'configuration', retryable: false });
    await expect(entryPoints.admin({ action: 'status' })).rejects.toMatchObject({ name: 'Configuration' });
    await expect(callFunction(entryPoints.handler, {}, lambdaContext(undefined))).rejects.toMatchObject({
      name: 'Configuration',
    });
    expect(output.records().filter(({ detail }) => String(detail).includes(variable))).toHaveLength(5);
    expect(output.text()).not.toMatch(/not-a-real-password/);
    expect([system.secrets.calls('GetSecretValue'), system.fegora.counters().attempts]).toEqual([0, 0]);
  });
});

describe('the exported handler', () => {
  it('answers a missing configuration in the form of the contract, so it is the handler with its middleware', async () => {
    // This process has no variable of the function.
    expect(await callFunction(handler, httpEvent(), lambdaContext('http'))).toMatchObject({
      statusCode: 500,
      headers: { 'Cache-Control': 'no-store' },
      body: expect.stringContaining('"error":"configuration"'),
    });
    await expect(callFunction(handler, {}, lambdaContext('account-one'))).rejects.toMatchObject({
      name: 'Configuration',
      stack: 'Configuration',
    });
  });

  it('answers requests and refusals in the form of the contract when all variables are set', async () => {
    const environment = startEnvironment(system.env, () => {});
    const send = (event: unknown, alias: string) => callFunction(environment.handler, event, lambdaContext(alias));
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
