// Tests every command of the command line in process, against the local gateway.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCommand } from '../../../cli/program.ts';
import { findTarget } from '../../../cli/target.ts';
import type { Terminal } from '../../../cli/terminal.ts';
import type { SigningKeys } from '../../../local/gateway/sigv4.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

let system: GatewaySystem;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'broker-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  system = await startGatewaySystem();
  // The SDK finds no profile, no file and no instance metadata: only the keys that a test sets.
  vi.stubEnv('HOME', folder);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  vi.stubEnv('AWS_PROFILE', undefined);
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', system.servers.secrets.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await system.close();
});

interface CommandResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/**
 * Runs a command line with the keys of a caller. `typed` has the answers to questions; `undefined` means no terminal, and
 * the answers are `piped`.
 */
async function broker(
  line: string,
  keys?: SigningKeys,
  typed?: string[],
  piped: string[] = [],
): Promise<CommandResult> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', keys?.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys?.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', keys?.sessionToken);
  const out: string[] = [];
  const err: string[] = [];
  const answer = async (question: string) => {
    err.push(question);
    return (typed ?? piped).shift() ?? '';
  };
  const terminal: Terminal = {
    isInteractive: typed !== undefined,
    print: (text) => out.push(text),
    note: (text) => err.push(text),
    ask: answer,
    askHidden: answer,
  };
  const code = await runCommand(line.split(' '), terminal);
  return { code, out, err };
}

const local = () => `--endpoint ${system.gateway.url}`;
const tokenPrefix = 'not-a-real-token-';

describe('token', () => {
  test('prints fingerprint and expiry, but not the token', async () => {
    const { code, out, err } = await broker(`token one ${local()}`, system.callers.all);

    expect(code).toBe(0);
    expect(out).toEqual([
      expect.stringMatching(/^account +one$/),
      expect.stringMatching(/^token_sha256 [0-9a-f]{64}$/),
      expect.stringMatching(/^expires_at +20\d\d-\d\d-\d\dT[\d:.]+Z \(in (29|30) min\)$/),
    ]);
    expect(err).toEqual([]);
  });

  test('prints the token when an option asks for it, also as JSON and as a header', async () => {
    const shown = await broker(`token --show-token ${local()}`, system.callers.all);
    const json = await broker(`token --output json ${local()}`, system.callers.all);
    const both = await broker(`token --output json --show-token ${local()}`, system.callers.all);
    const header = await broker(`${local()} token one --header`, system.callers.first);

    expect(shown.out[3]).toContain(tokenPrefix);
    expect(Object.keys(JSON.parse(json.out.join('')))).toEqual(['account', 'token_sha256', 'expires_in', 'expires_at']);
    expect(JSON.parse(both.out.join('')).access_token).toContain(tokenPrefix);
    expect(header.out).toEqual([expect.stringMatching(/^Authorization: Bearer not-a-real-token-\S+$/)]);
  });

  test('refuses JSON together with --header, and names --output to callers of the former --json', async () => {
    const json = await broker(`token --output json --header ${local()}`, system.callers.all);
    const former = await broker(`token --json ${local()}`, system.callers.all);

    expect([json.code, json.out, former.code]).toEqual([2, [], 2]);
    expect(JSON.parse(json.err.join('')).error_description).toContain('--header is text');
    expect(former.err).toEqual(["broker: unknown option '--json'; use --output json"]);
  });

  test('invokes the function when the API is not known', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', system.gateway.url);
    const direct = `--function-name ${system.gateway.functionName} --region us-east-1`;
    const { code } = await broker(`token one ${direct}`, system.callers.all);
    const withoutAccount = await broker(`token ${direct}`, system.callers.all);

    expect([code, system.invoked]).toEqual([0, ['account-one']]);
    expect(withoutAccount).toMatchObject({ code: 2, err: [expect.stringContaining('the account is not known')] });
  });

  test('finds the API in the outputs of the stack', async () => {
    const outputs = join(folder, 'outputs.json');
    await writeFile(outputs, JSON.stringify({ Broker: { Url: system.gateway.url }, Other: { Bucket: 'b' } }));
    const found = await broker(`token --outputs ${outputs} --region us-east-1`, system.callers.all);
    const chosen = await broker(`token --outputs ${outputs} --stack Broker --region us-east-1`, system.callers.all);
    const missing = await broker(`token --outputs ${outputs} --stack Nowhere`, system.callers.all);
    await writeFile(
      outputs,
      JSON.stringify({ Broker: { Url: system.gateway.url }, Second: { Url: system.gateway.url } }),
    );
    const ambiguous = await broker(`token --outputs ${outputs}`, system.callers.all);
    const nowhere = await broker('token --outputs no-such-file.json', system.callers.all);

    expect([found.code, chosen.code]).toEqual([0, 0]);
    expect(missing).toMatchObject({
      code: 5,
      err: [`broker: ${outputs} has no stack Nowhere; check --outputs and --stack`],
    });
    expect(ambiguous).toMatchObject({ code: 2, err: [expect.stringContaining('more than one broker')] });
    expect(nowhere).toMatchObject({ code: 5, err: [expect.stringContaining('no-such-file.json does not exist')] });
  });
});

describe('a failure', () => {
  test.each([
    ['no AWS keys', 'token', undefined, [3, 'no AWS credentials'] as const],
    ['no AWS keys for an operator', 'status', undefined, [3, 'no AWS credentials'] as const],
    ['keys that AWS does not know', 'token', 'unknown' as const, [3, 'AWS does not know the access key'] as const],
    ['unknown keys of an operator', 'status', 'unknown' as const, [3, 'AWS does not know the access key'] as const],
    ['a wrong secret key', 'token', 'wrong' as const, [3, 'the secret key is wrong, or the broker is not'] as const],
    ['a wrong secret key of an operator', 'status', 'wrong' as const, [3, 'is not of this access key'] as const],
    ['a wrong region', 'status --region eu-west-1', 'all' as const, [3, 'for the region eu-west-1'] as const],
    ['no right to an account', 'token two', 'first' as const, [4, 'forbidden'] as const],
    ['no right to operate', 'status', 'all' as const, [4, 'on the alias admin is not permitted to arn:aws:'] as const],
    ['no such account', 'token three', 'all' as const, [5, 'unknown_account'] as const],
    ['no such account for an operator', 'pause three', 'operator' as const, [5, 'unknown_account'] as const],
    ['no such function', 'status --function-name another', 'operator' as const, [5, 'not found'] as const],
    ['an invalid account id', 'token A/B', 'all' as const, [2, 'account: not a valid account id'] as const],
    ['an unknown command', 'tokn', 'all' as const, [2, "unknown command 'tokn'"] as const],
    ['a missing argument', 'pause', 'operator' as const, [2, "missing required argument 'account'"] as const],
  ])('promise 62: is one line and an exit code for %s', async (_, line, caller, [code, text]) => {
    const unknown = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'not-a-real-key' };
    const wrong = { ...system.callers.all, secretAccessKey: 'not-a-real-key-either' };
    const keys = caller && { ...system.callers, unknown, wrong }[caller];
    const result = await broker(`${line} ${local()}`, keys);

    expect(result).toMatchObject({ code, out: [] });
    expect(result.err).toEqual([expect.stringContaining(text)]);
    expect(result.err[0]?.split('\n').length).toBeLessThanOrEqual(2);
  });

  test('ends with 6 when the broker is unreachable', async () => {
    const line = 'token --endpoint http://127.0.0.1:1';

    expect(await broker(line, system.callers.all)).toMatchObject({
      code: 6,
      err: [
        'broker: broker_unreachable: The token broker cannot be reached. Nothing listens on 127.0.0.1:1. Start the local run, or check the port.',
      ],
    });
  });

  test('ends with 6 when AWS is unreachable for an operator, or for the secret', async () => {
    const status = await broker('status --endpoint http://127.0.0.1:1', system.callers.operator);
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', 'http://127.0.0.1:1');
    const set = await broker(`credentials set one ${local()}`, system.callers.operator, ['user-one', 'not-a-real-one']);

    const refused =
      'broker: 127.0.0.1:1 cannot be reached. Nothing listens on 127.0.0.1:1. Start the local run, or check the port.';
    expect([status.code, set.code]).toEqual([6, 6]);
    expect([status.err, set.err.slice(2)]).toEqual([[refused], [refused]]);
  });

  test('promise 62: names the function that was asked for when it does not exist', async () => {
    const { code, err } = await broker(`status --function-name another ${local()}`, system.callers.operator);

    expect(code).toBe(5);
    expect(err.join()).toContain('function:another:admin');
  });

  test.each(['/', '/v1', '/v1/'])('is none for an operator when the path of the local endpoint is %s', async (path) => {
    expect((await broker(`status ${local()}${path}`, system.callers.operator)).err).toEqual([]);
  });

  test('ends with 2 when the broker or the region is not known', async () => {
    expect(await broker('token', system.callers.all)).toMatchObject({
      code: 2,
      err: [expect.stringContaining('--endpoint')],
    });
    expect(await broker('status --function-name f', system.callers.operator)).toMatchObject({
      code: 2,
      err: ['broker: no AWS region; give --region, or set AWS_REGION'],
    });
  });
});

describe('an answer that is not from the broker', () => {
  const session = 'not-a-real-session-token';
  let other: LoopbackServer;
  let answer: { status: number; type?: string; body: string };
  beforeEach(async () => {
    other = await serve((_, response) => {
      const headers = answer.type === undefined ? {} : { 'x-amzn-errortype': answer.type };
      response.writeHead(answer.status, headers).end(answer.body);
    });
  });
  afterEach(() => other.close());
  const runWithSession = (line: string) =>
    broker(`${line} --endpoint ${other.url}`, { ...system.callers.operator, sessionToken: session });

  test.each([
    ['InvalidSignatureException', 3],
    ['SignatureDoesNotMatch', 3],
    ['IncompleteSignature', 3],
    ['InvalidAccessKeyId', 3],
    ['TooManyRequestsException', 6],
    ['SomethingNew', 1],
  ])('of the type %s ends with %d, and what was signed is not printed', async (type, code) => {
    const message = `No match: host:x\nx-amz-security-token:${session}`;
    answer = { status: 403, type, body: JSON.stringify({ message }) };
    const result = await runWithSession('status');

    expect(result).toMatchObject({ code, out: [] });
    expect(result.err).toHaveLength(1);
    expect(result.err.join()).not.toContain(session);
  });

  test.each([
    [200, '<html>of a proxy</html>'],
    [500, '<html>of a proxy</html>'],
    [200, 'null'],
    [404, '{"message":"html of a proxy"}'],
    [200, '{}'],
    [200, '{"outcome":"failed:internal","accounts":{}}'],
  ])('%d %s makes every command fail, and is not printed', async (status, body) => {
    answer = { status, body };
    for (const line of ['status', 'status --output json', 'pause one', 'purge one', 'revoke one', 'reset one']) {
      const result = await runWithSession(line);

      expect(result).toMatchObject({ code: 1, out: [] });
      expect(result.err.join()).not.toContain('html');
    }
  });

  test('makes credentials set fail when its outcome is unknown', async () => {
    answer = { status: 200, body: '{"outcome":"failed:internal","VersionId":"v1"}' };
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', other.url);
    const typed = ['user-one', 'not-a-real-password'];
    const line = `credentials set one --secret-id s --verify --endpoint ${other.url}`;
    const result = await broker(line, system.callers.operator, typed);

    expect(result).toMatchObject({ code: 1, out: ['one: stored as version v1'] });
  });
});

describe('an operator', () => {
  test('sees the status of the accounts, but never a token', async () => {
    await broker(`token one ${local()}`, system.callers.all);
    const { code, out } = await broker(`status ${local()}`, system.callers.operator);
    const one = await broker(`status one ${local()}`, system.callers.operator);
    const json = await broker(`status one --output json ${local()}`, system.callers.operator);

    expect(code).toBe(0);
    expect(out).toEqual([
      'account  state     token ends  renewal    last login  logins 1 h / 24 h',
      expect.stringMatching(/^one {6}ok {8}in (30|29) min {3}in \d\d min {2}\d s ago {5}1 \/ 1$/),
      'two      no token  -           -          -           0 / 0',
    ]);
    expect(one.out).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ {2}expires_at +20.* \(in \d\d min\)$/),
        '  paused           false',
      ]),
    );
    expect(JSON.parse(json.out.join(''))).toMatchObject({ accounts: [{ account: 'one', marks: 0 }] });
    expect([...out, ...one.out, ...json.out].join()).not.toContain(tokenPrefix);
  });

  test('can pause, purge and resume an account', async () => {
    const { callers } = system;
    await broker(`token one ${local()}`, callers.all);
    expect(await broker(`pause one ${local()}`, callers.operator)).toMatchObject({ code: 0, out: ['one: paused'] });
    expect((await broker(`token one ${local()}`, callers.all)).code).toBe(0);

    expect((await broker(`status one ${local()}`, callers.operator)).out).toContain('  paused           true');
    expect(await broker(`resume one ${local()}`, callers.operator)).toMatchObject({ code: 0, out: ['one: resumed'] });
    expect(await broker(`purge one ${local()}`, callers.operator)).toMatchObject({
      code: 0,
      out: ['one: token removed; within 60 s no environment hands it out'],
    });
    expect((await broker(`status one ${local()}`, callers.operator)).out.join()).not.toContain('expires_at');
  });

  test('can revoke a token, and reads which one it was and how long Fegora accepts it', async () => {
    const { callers } = system;
    const before = JSON.parse((await broker(`token one --output json ${local()}`, callers.all)).out.join(''));
    const revoked = await broker(`revoke one ${local()}`, callers.operator);
    const again = await broker(`revoke one ${local()}`, callers.operator);

    const done = 'one: revoked; within 60 s no environment hands out a token from before';
    const at = `through ${system.gateway.url}`;
    expect(revoked).toMatchObject({ code: 0, err: [`broker: done in AWS account 000000000000, us-east-1, ${at}`] });
    expect(revoked.out).toEqual([
      done,
      `one: token_sha256 ${before.token_sha256}`,
      expect.stringMatching(/^one: Fegora itself accepts this token until 20\S+Z$/),
    ]);
    expect(again).toMatchObject({ code: 0, out: [done, 'one: the table had no token'] });
    const after = JSON.parse((await broker(`token one --output json ${local()}`, callers.all)).out.join(''));
    expect(after.token_sha256).not.toBe(before.token_sha256);
  });

  test('can clear the rejection of an account', async () => {
    const { callers, servers } = system;
    servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    const refused = await broker(`token one ${local()}`, callers.all);
    expect(refused).toMatchObject({ code: 1, err: [expect.stringContaining('credentials_rejected')] });
    expect((await broker(`status one ${local()}`, callers.operator)).out).toContain('  marks            1');

    servers.fegora.setPassword('user-one', 'not-a-real-password-one');
    const cleared = await broker(`clear-rejection one ${local()}`, callers.operator);
    expect(cleared).toMatchObject({ code: 0, out: ['one: free to log in again'] });
    expect((await broker(`token one ${local()}`, callers.all)).code).toBe(0);
  });
});

describe('credentials set', () => {
  const password = 'not-a-real-password-of-today';
  const place = () => `broker: stored in AWS account 000000000000, us-east-1, through ${system.servers.secrets.url}`;
  const stored = async () => {
    const answer = await fetch(system.servers.secrets.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'secretsmanager.GetSecretValue', 'content-type': 'application/x-amz-json-1.1' },
      body: JSON.stringify({ SecretId: 'fegora/one' }),
    });
    const { SecretString } = JSON.parse(await answer.text());
    return JSON.parse(SecretString);
  };

  test('asks for the credentials, stores them, and logs in when the operator agrees', async () => {
    const { callers, servers } = system;
    servers.fegora.setPassword('user-one', password);
    const result = await broker(`credentials set one ${local()}`, callers.operator, ['user-one', password, '']);

    expect(result).toMatchObject({
      code: 0,
      out: [
        expect.stringMatching(/^one: stored as version \S+$/),
        expect.stringMatching(/^one: Fegora takes them \(token valid until 20\S+Z\)$/),
      ],
      err: ['Username: ', 'Password (not shown): ', place(), expect.stringContaining('Log in with them now')],
    });
    expect(await stored()).toEqual({ username: 'user-one', password });
    expect(servers.fegora.counters()).toMatchObject({ logins: 1 });
  });

  test('prints the refusal when Fegora refuses the credentials', async () => {
    const result = await broker(`credentials set one --verify ${local()}`, system.callers.operator, [
      'user-one',
      password,
    ]);

    expect(result).toMatchObject({
      code: 1,
      err: expect.arrayContaining([expect.stringContaining('credentials_rejected')]),
    });
    expect(JSON.stringify(result)).not.toContain(password);
  });

  const setOne = (typed: string[], options = '') =>
    broker(`credentials set one --username user-one --verify${options} ${local()}`, system.callers.operator, typed);

  test('warns and asks when Fegora refused a password a short while ago, and stores nothing without a yes', async () => {
    await setOne([password, 'n']);
    const before = await stored();
    const silent = await setOne(['', password]);
    const attempts = system.servers.fegora.counters().attempts;

    expect(silent).toMatchObject({ code: 1, out: [] });
    expect(silent.err).toEqual([
      'broker: Fegora refused a password of this account within the last hour. One more wrong one may lock the user.',
      'Store a new password all the same? [y/N] ',
      'broker: nothing was stored',
    ]);
    expect([await stored(), attempts]).toEqual([before, 1]);

    system.servers.fegora.setPassword('user-one', 'not-a-real-password-at-last');
    expect(await setOne(['y', 'not-a-real-password-at-last'])).toMatchObject({ code: 0 });
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 2, logins: 1 });
  });

  test('needs --yes without a terminal when Fegora refused a password a short while ago', async () => {
    await setOne([password, 'n']);
    const before = await stored();
    const line = `credentials set one --username user-one ${local()}`;
    const refused = await broker(line, system.callers.operator);

    expect(refused).toMatchObject({
      code: 1,
      out: [],
      err: [expect.stringContaining('run the command again with --yes')],
    });
    expect(await stored()).toEqual(before);
    const forced = await setOne([password, 'n'], ' --yes');
    expect(forced.out).toEqual([expect.stringMatching(/^one: stored as version/)]);
    expect(forced.err[0]).toContain('Fegora refused a password of this account');
  });

  test('puts the previous value back when Fegora refused the new one and the operator agrees', async () => {
    const before = await stored();
    const result = await setOne([password, 'y']);

    expect(result).toMatchObject({
      code: 1,
      out: [
        expect.stringMatching(/^one: stored as version/),
        expect.stringMatching(/^one: the previous value is the current one again \(version \S+\)$/),
      ],
      err: [
        'Password (not shown): ',
        place(),
        expect.stringMatching(/^Put the previous value back\?.*\[y\/N\] $/),
        expect.stringContaining('credentials_rejected'),
      ],
    });
    expect(await stored()).toEqual(before);
    expect((await broker(`token one ${local()}`, system.callers.all)).code).toBe(0);
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 2, refusals: 1, logins: 1 });
  });

  test('keeps the new value when the operator does not agree, and offers no previous value that was refused too', async () => {
    expect((await setOne([password, ''])).out).toHaveLength(1);
    expect(await stored()).toEqual({ username: 'user-one', password });
    const again = await setOne(['y', 'not-a-real-password-again']);

    expect(again.err.at(-1)).toContain('credentials_rejected');
    expect(again.err.join()).not.toContain('Put the previous value back');
  });

  test('prints the command that puts the previous value back when there is no terminal', async () => {
    const line = `credentials set one --username user-one --verify ${local()}`;
    const child = await broker(line, system.callers.operator, undefined, ['not-a-real-password-piped']);
    expect(child.code).toBe(1);
    expect(child.err.join('\n')).toMatch(
      /aws secretsmanager update-secret-version-stage --secret-id fegora\/one --version-stage AWSCURRENT --move-to-version-id \S+ --remove-from-version-id \S+\n/,
    );
    expect(await stored()).toEqual({ username: 'user-one', password: 'not-a-real-password-piped' });
  });

  test('offers nothing when there is no previous value', async () => {
    system.servers.secrets.create('fegora/new');
    const line = `credentials set one --secret-id fegora/new --username user-one --verify ${local()}`;
    const entry = await broker(line, system.callers.operator, [password]);

    expect(entry.err.join()).not.toContain('Put the previous value back');
  });

  test('prints the refusal when the previous value cannot be offered', async () => {
    const restricted = await serve((request, response) => {
      const isPut = request.headers['x-amz-target'] === 'secretsmanager.PutSecretValue';
      const type = isPut ? {} : { 'x-amzn-errortype': 'AccessDeniedException' };
      response.writeHead(isPut ? 200 : 400, type).end(isPut ? '{"VersionId":"v1"}' : '{"Message":"not for you"}');
    });
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', restricted.url);
    system.servers.fegora.setPassword('user-one', password);
    const result = await setOne(['not-a-real-password']);
    await restricted.close();

    expect(result).toMatchObject({ code: 1, out: ['one: stored as version v1'] });
    expect(result.err.slice(2)).toEqual([
      'broker: the previous value cannot be offered: not permitted: not for you',
      expect.stringContaining('credentials_rejected'),
    ]);
  });

  describe('and a login was a moment ago', () => {
    const setWith = async (answers: readonly object[]) => {
      const given = [{ accounts: [{ account: 'one' }] }, ...answers].values();
      const other = await serve((_, response) => response.end(JSON.stringify(given.next().value)));
      const secrets = await serve((_, response) => response.end('{"VersionId":"v1"}'));
      const line = `credentials set one --secret-id s --verify --endpoint ${other.url} --secrets-endpoint ${secrets.url}`;
      const result = await broker(line, system.callers.operator, ['user-one', 'not-a-real-password']);
      await Promise.all([other.close(), secrets.close()]);
      return result;
    };

    test('waits until the broker may log in, and says so', async () => {
      const result = await setWith([{ outcome: 'skipped', retry_after: 1 }, { outcome: 'renewed' }]);

      expect(result).toMatchObject({ code: 0, out: ['one: stored as version v1', 'one: Fegora takes them'] });
      expect(result.err.at(-1)).toBe('broker: a login was a moment ago, so the broker logs in with them in 1 s');
    });

    test.each([
      [{ outcome: 'skipped' }, /^broker: one: stored, but not tried now, because .* moment ago; the next/],
      [{ outcome: 'skipped', retry_after: 3600 }, /not tried now, because .*; a login is possible in 3600 s; /],
    ])('ends with 6 when that would take too long: %j', async (answer, text) => {
      expect(await setWith([answer])).toMatchObject({
        code: 6,
        out: ['one: stored as version v1'],
        err: expect.arrayContaining([expect.stringMatching(text)]),
      });
    });
  });

  test('stores the credentials and a client id without a login with --no-verify', async () => {
    const { callers, servers } = system;
    const line = `credentials set one --username user-one --client-id another --no-verify ${local()}`;
    const result = await broker(line, callers.operator, [password]);

    expect([result.code, result.out.length]).toEqual([0, 1]);
    expect(await stored()).toEqual({ username: 'user-one', password, client_id: 'another' });
    expect(servers.fegora.counters().logins).toBe(0);
  });

  test.each([
    ['', 'field password is empty'],
    [' not-a-real-password', 'field password has white space around it'],
    ['\ud800', 'field password is not well-formed Unicode'],
  ])('stores nothing when the broker would not accept the password "%s"', async (typed, fault) => {
    const before = await stored();
    const result = await broker(`credentials set one ${local()}`, system.callers.operator, ['user-one', typed]);

    expect(result).toMatchObject({ code: 2, out: [], err: expect.arrayContaining([expect.stringContaining(fault)]) });
    expect(await stored()).toEqual(before);
  });

  test('writes to the secret of the stack’s outputs, or to the secret that --secret-id names', async () => {
    const outputs = join(folder, 'secrets.json');
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', system.gateway.url);
    const { functionName: FunctionName } = system.gateway;
    await writeFile(outputs, JSON.stringify({ Broker: { Url: 'https://x', FunctionName, Secretone: 'fegora/one' } }));
    const set = `--outputs ${outputs} --region us-east-1 --no-verify --username user-one`;
    const found = await broker(`credentials set one ${set}`, system.callers.operator, [password]);
    const named = await broker(`credentials set x --secret-id fegora/two ${set}`, system.callers.operator, [password]);
    const unknown = await broker(`credentials set x ${set}`, system.callers.operator, [password]);
    const missing = await broker(`credentials set x --secret-id no/such ${set}`, system.callers.operator, [password]);

    expect([found.code, named.code]).toEqual([0, 0]);
    expect(unknown).toMatchObject({
      code: 2,
      err: [expect.stringContaining('stack Broker'), expect.stringContaining('--secret-id')],
    });
    expect(missing).toMatchObject({ code: 5, err: expect.arrayContaining([expect.stringContaining('not found')]) });
  });

  test('does not use the secret of another account when a misspelt account has the same output name', async () => {
    const outputs = join(folder, 'hyphens.json');
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', system.gateway.url);
    const { functionName: FunctionName } = system.gateway;
    await writeFile(outputs, JSON.stringify({ Broker: { Url: 'https://x', FunctionName, Secretone: 'fegora/one' } }));
    const before = await stored();
    const set = `--outputs ${outputs} --region us-east-1 --no-verify --username user-one`;
    const result = await broker(`credentials set on-e ${set}`, system.callers.operator, [password]);

    expect(result).toMatchObject({
      code: 5,
      out: [],
      err: [expect.anything(), expect.stringContaining('unknown_account')],
    });
    expect(await stored()).toEqual(before);
  });

  test('refuses an endpoint that is the local run only by its user', () => {
    expect(() => findTarget({ endpoint: 'http://127.0.0.1:80@elsewhere.example/' })).toThrow('has a user');
  });

  test('does not ask for the password of the local run when it would go to AWS', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', undefined);
    const result = await broker(`credentials set one ${local()}`, system.callers.operator, ['user-one', password]);

    expect(result).toMatchObject({ code: 2, err: [expect.stringContaining('--secrets-endpoint')] });
  });
});
