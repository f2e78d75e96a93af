// Tests `doctor` against a healthy broker on loopback, and with one thing broken at a time.
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type CommandLine, type CommandOptions, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { secretOf } from '../../support/test-system.ts';

let commands: CommandLine;
let system: GatewaySystem;
/** A caller with every right, so that nothing is left unchecked. */
let everything: Caller;
let gateway: Gateway;
const others: LoopbackServer[] = [];

beforeAll(async () => {
  commands = await createCommandLine();
});
afterAll(() => commands.close());

beforeEach(async () => {
  system = await startGatewaySystem();
  everything = { ...system.callers.all, aliases: ['*'] };
  gateway = await start(['http', 'admin', 'account-one', 'account-two']);
});
afterEach(async () => {
  await Promise.all([gateway.close(), system.close(), ...others.splice(0).map((server) => server.close())]);
});

function start(aliases: readonly string[]): Promise<Gateway> {
  return startGateway({
    handler: system.entryPoints.handler,
    callers: [everything, system.callers.operator, system.callers.first],
    aliases,
  });
}

interface Found {
  readonly check: string;
  readonly outcome: string;
  readonly text: string;
  readonly advice?: string;
}

/** Runs `doctor`, and returns what is not `ok`, by the name of the check. */
async function doctor(args: readonly string[] = [], { env, ...options }: CommandOptions = {}) {
  const named = args.includes('--endpoint') || args.includes('--outputs') ? [] : ['--endpoint', gateway.url];
  const { code, out } = await commands.run(['doctor', ...named, '--output', 'json', ...args], {
    keys: everything,
    ...options,
    env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: system.servers.secrets.url, ...env },
  });
  const { checks } = JSON.parse(out.join('')) as { checks: readonly Found[] };
  const wrong = checks.filter(({ outcome }) => outcome === 'wrong');
  const left = checks.filter(({ outcome }) => outcome === 'not_checked').map(({ check }) => check);
  return { code, checks, wrong, names: wrong.map(({ check }) => check), left };
}

const logins = () => system.servers.fegora.counters().attempts;

describe('a healthy broker', () => {
  test('has nothing wrong, and doctor starts no login', async () => {
    const { code, checks, left } = await doctor();

    expect([code, left]).toEqual([0, ['identity', 'token one', 'token two']]);
    expect(checks.filter(({ outcome }) => outcome === 'ok').map(({ check }) => check)).toEqual([
      ...['node', 'outputs', 'region', 'clock', 'unsigned', 'signed', 'admin'],
      ...['alias one', 'secret one', 'state one', 'alias two', 'secret two', 'state two'],
    ]);
    expect(logins()).toBe(0);
  });

  test('has a token for the account when --login asks for one', async () => {
    const { code, left, checks } = await doctor(['one', '--login']);

    expect([code, left, logins()]).toEqual([0, ['identity'], 1]);
    expect(checks.at(-1)).toMatchObject({ check: 'token one', text: expect.stringMatching(/^token valid until 20/) });
    expect(JSON.stringify(checks)).not.toContain('not-a-real');
  });

  test('has nothing wrong when the keys are an operator’s: what they may not do is not checked', async () => {
    const denying = await serve((_, response) =>
      response.writeHead(400, { 'x-amzn-errortype': 'AccessDeniedException' }).end('{"message":"not for you"}'),
    );
    others.push(denying);
    const env = { AWS_ENDPOINT_URL_SECRETS_MANAGER: denying.url };
    const { code, left } = await doctor(['one'], { keys: system.callers.operator, env });

    expect([code, left]).toEqual([0, ['identity', 'signed', 'alias one', 'secret one', 'token one']]);
  });

  test('is known to STS by the ARN of the keys', async () => {
    const arn = 'arn:aws:sts::000000000000:assumed-role/operator/session';
    const sts = await serve((_, response) => response.end(`<Arn>${arn}</Arn>`));
    others.push(sts);
    const { checks } = await doctor(['one'], { env: { AWS_ENDPOINT_URL_STS: sts.url } });

    expect(checks.find(({ check }) => check === 'identity')).toEqual({ check: 'identity', outcome: 'ok', text: arn });
  });

  test('is printed as a list for people, with what to do below what is wrong', async () => {
    system.servers.secrets.put('fegora/one', '{"user":"not-a-real-name"}');
    const options = { keys: everything, env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: system.servers.secrets.url } };
    const { code, out, err } = await commands.run(['doctor', 'one', '--endpoint', gateway.url], options);

    expect([code, err]).toEqual([1, ['broker: 2 checks found something wrong']]);
    expect(out).toContain('ok     region            us-east-1');
    const at = out.findIndex((line) => line.startsWith('wrong  secret one'));
    expect(out[at + 1]).toMatch(
      /^ {25}store user and password with `credentials set`, or with `accounts add` if the account is open$/,
    );
    expect(out[at + 2]).toMatch(/^ {25}runbook: docs\/operations\.md#operatorfaults$/);
    expect(out.join()).not.toContain('not-a-real');
  });
});

describe('doctor says what is wrong when', () => {
  test('the region is another one', async () => {
    const { code, wrong } = await doctor(['one', '--region', 'eu-west-1']);

    expect(code).toBe(1);
    expect(wrong).toMatchObject([
      { check: 'signed', text: expect.stringContaining('eu-west-1') },
      { check: 'admin', text: expect.stringContaining('eu-west-1') },
      { check: 'alias one', text: expect.stringContaining('eu-west-1') },
    ]);
  });

  test('the region is not the one in the name of the API', async () => {
    const url = 'https://abc.execute-api.sa-east-1.amazonaws.com/v1';
    const outputs = await commands.write('region.json', JSON.stringify({ Stack: { Url: url } }));
    const { wrong } = await doctor(['--outputs', outputs], {
      env: { AWS_REGION: 'us-east-1', HTTPS_PROXY: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' },
    });

    expect(wrong.find(({ check }) => check === 'region')).toMatchObject({
      text: 'the region is us-east-1, and the broker is in sa-east-1',
      advice: 'give --region sa-east-1, or set AWS_REGION',
    });
  });

  test('AWS does not know the keys', async () => {
    const keys = { accessKeyId: 'AKIDUNKNOWN', secretAccessKey: 'not-a-real-key' };
    const { code, names, wrong } = await doctor(['one'], { keys });

    expect([code, names]).toEqual([1, ['signed', 'admin', 'alias one']]);
    expect(wrong[0]?.text).toContain('AWS does not know the access key');
  });

  test('the function does not exist', async () => {
    const { code, wrong } = await doctor(['one', '--function-name', 'another']);

    expect([code, wrong.map(({ check }) => check)]).toEqual([1, ['admin', 'alias one']]);
    expect(wrong[0]).toMatchObject({
      text: expect.stringContaining('not found'),
      advice: expect.stringContaining('--function-name'),
    });
  });

  test('an alias is missing', async () => {
    const [withoutTwo, withoutAdmin] = await Promise.all([start(['http', 'admin', 'account-one']), start(['http'])]);
    others.push(withoutTwo, withoutAdmin);

    expect((await doctor(['--endpoint', withoutTwo.url])).wrong).toEqual([
      {
        check: 'alias two',
        outcome: 'wrong',
        text: 'the function has no alias account-two',
        advice: 'deploy the stack with this account',
      },
    ]);
    expect((await doctor(['--endpoint', withoutAdmin.url])).names).toEqual(['admin']);
  });

  test.each(['{"user":"not-a-real-name"}', '{"username":'])('the secret is %j, without a word of it', async (text) => {
    system.servers.secrets.put('fegora/one', text);
    const { code, wrong, checks } = await doctor();

    expect([code, wrong.map(({ check }) => check)]).toEqual([1, ['secret one', 'state one']]);
    expect(wrong[0]?.text).toMatch(/^the secret is not of the expected form: /);
    expect(JSON.stringify(checks)).not.toContain('not-a-real');
    system.servers.secrets.put('fegora/one', secretOf('one'));
    expect((await doctor()).code).toBe(0);
  });

  test.each([
    [10, 'behind'],
    [-10, 'ahead of'],
  ])('the clock of AWS is %d minutes later', async (minutes, text) => {
    const dated = await datedBy(minutes * 60_000);
    const { code, wrong } = await doctor(['one', '--endpoint', dated.url]);

    expect([code, wrong.map(({ check }) => check)]).toEqual([1, ['clock']]);
    expect(wrong[0]).toMatchObject({
      text: `this clock is 10 min ${text} the one of the API`,
      advice: expect.stringContaining('set the clock'),
    });
  });

  test('an account is paused', async () => {
    await system.entryPoints.admin({ action: 'pause', account: 'two' });
    const { code, wrong } = await doctor();

    expect(code).toBe(1);
    const runbook = 'docs/operations.md#pausedlong';
    const advice = expect.stringContaining('`resume`');
    expect(wrong).toEqual([{ check: 'state two', outcome: 'wrong', text: 'paused', advice, runbook }]);
  });

  test('Fegora refused the password of an account', async () => {
    system.servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    await system.entryPoints.http({ account: 'one' });
    const before = logins();
    const { wrong } = await doctor(['one']);

    expect(wrong).toMatchObject([{ check: 'state one', text: 'credentials rejected' }]);
    expect(logins()).toBe(before);
  });

  test('the endpoint is another thing', async () => {
    const other = await serve((_, response) => response.writeHead(404).end('{"message":"Not Found"}'));
    others.push(other);
    const { code, wrong } = await doctor(['one', '--endpoint', other.url]);

    expect(code).toBe(1);
    expect(wrong[0]).toMatchObject({
      check: 'unsigned',
      text: 'this is not the API of a token broker (status 404)',
      advice: expect.stringContaining('`Url`'),
    });
  });

  test('the API hands out tokens without a signature', async () => {
    const open = await serve((_, response) => response.end('{"access_token":"not-a-real-token"}'));
    others.push(open);
    const { wrong, checks } = await doctor(['one', '--endpoint', open.url]);

    expect(wrong[0]?.text).toBe('the API hands out tokens without a signature');
    expect(JSON.stringify(checks)).not.toContain('not-a-real-token');
  });

  test('nothing answers at the endpoint', async () => {
    expect((await doctor(['one', '--endpoint', 'http://127.0.0.1:1'])).names).toContain('unsigned');
  });

  test('promise 57: the outputs name a host that is not of AWS, and nothing is signed for it', async () => {
    const outputs = await commands.write('foreign.json', '{"Stack":{"Url":"https://no-such-host.invalid/v1"}}');
    const { wrong } = await doctor(['one', '--outputs', outputs, '--region', 'us-east-1'], {
      env: { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' },
    });
    const text = expect.stringContaining('(the Url of the outputs) is not an address of AWS’s execute-api');

    expect(wrong).toMatchObject([{ check: 'identity' }, { check: 'unsigned', text }, { check: 'signed', text }]);
  });

  test('promise 62: the keys have no right, and --login asks for a token', async () => {
    const { code, wrong } = await doctor(['one', '--login'], { keys: system.callers.operator });

    expect(code).toBe(1);
    expect(wrong).toMatchObject([{ check: 'token one', text: expect.stringContaining('Grant it with grantToken') }]);
  });

  test.each([
    ['ForbiddenException', '', 'wrong', 'API Gateway refused the call before IAM'],
    ['', '', 'wrong', 'Look for a proxy or a firewall'],
    ['AccessDeniedException', 'not authorized with an explicit deny', 'not_checked', 'The cause is a Deny'],
    ['AccessDeniedException', 'not authorized', 'not_checked', 'the API takes their signature'],
  ])('the API refuses a signed call with %j %j: only IAM proves a signature', async (type, message, outcome, text) => {
    const headers = type === '' ? {} : { 'x-amzn-errortype': type };
    const api = await serve((_, response) => response.writeHead(403, headers).end(JSON.stringify({ message })));
    others.push(api);
    const { checks } = await doctor(['one', '--endpoint', api.url]);

    const signed = checks.find(({ check }) => check === 'signed');
    expect(signed).toMatchObject({ outcome, text: expect.stringContaining(text) });
    expect(JSON.stringify(signed).includes('takes their signature')).toBe(text.includes('takes their signature'));
  });

  test('a caller names no account: doctor asks for one, and tries the default one with --login', async () => {
    const options = { keys: system.callers.first };
    const without = await doctor([], options);
    const withLogin = await doctor(['--login'], options);

    expect([without.code, without.left.at(-1)]).toEqual([0, 'accounts']);
    expect(without.checks.at(-1)?.text).toContain('name one: doctor <account>');
    expect(withLogin.checks.map(({ check }) => check).slice(-2)).toEqual(['accounts', 'token']);
    expect(withLogin.wrong).toMatchObject([
      { check: 'token', text: expect.stringContaining('POST /token is not permitted') },
    ]);
  });

  test.each([
    [() => 'http://127.0.0.1:1', '127.0.0.1:1'],
    [() => serveText('<html>'), 'the answer is not from AWS'],
    [() => serveText('{}'), 'is not from Secrets Manager; check the address'],
  ])('Secrets Manager cannot be read, case %#', async (url, text) => {
    const { code, wrong } = await doctor(['one'], { env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: await url() } });

    expect([code, wrong]).toMatchObject([1, [{ check: 'secret one', text: expect.stringContaining(text) }]]);
  });

  test('STS answers, but does not say whose the keys are', async () => {
    const { code, wrong } = await doctor(['one'], { env: { AWS_ENDPOINT_URL_STS: await serveText('welcome') } });

    expect([code, wrong]).toMatchObject([1, [{ check: 'identity', text: 'the answer is not from STS' }]]);
  });

  test('the broker has no such account: the alias admin is not what is broken', async () => {
    const { code, names, wrong } = await doctor(['nosuch'], { keys: system.callers.operator });

    expect([code, names]).toEqual([1, ['secret nosuch', 'state nosuch']]);
    expect(wrong.at(-1)).toMatchObject({ text: expect.stringContaining('No such account is configured') });
  });

  test('there are no outputs, or the file is not one of outputs', async () => {
    const none = await commands.run(['doctor', '--output', 'json'], { keys: everything });
    const missing = await doctor(['--outputs', 'no-such-file.json']);

    expect([none.code, missing.code]).toEqual([1, 1]);
    expect(JSON.parse(none.out.join('')).checks).toMatchObject([
      { check: 'node', outcome: 'ok' },
      { check: 'outputs', outcome: 'wrong' },
      { check: 'region', outcome: 'wrong', text: expect.stringContaining('--region') },
      { check: 'identity', outcome: 'wrong' },
      ...Array(4).fill({ outcome: 'not_checked' }),
    ]);
    expect(missing.wrong).toMatchObject([{ check: 'outputs', text: expect.stringContaining('no-such-file.json') }]);
  });
});

async function serveText(text: string): Promise<string> {
  const server = await serve((_, response) => response.end(text));
  others.push(server);
  return server.url;
}

/** A proxy of the gateway whose answers have another date. */
async function datedBy(offsetMs: number): Promise<LoopbackServer> {
  const server = await serve((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    const forwarded = request(`${gateway.url}${url}`, { method, headers, agent: false }, (answer) => {
      const date = new Date(Date.now() + offsetMs).toUTCString();
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  others.push(server);
  return server;
}
