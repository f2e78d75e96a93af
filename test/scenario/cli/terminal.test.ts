// Tests the program at a real terminal and with pipes: hidden passwords, signals, exit codes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { serve } from '../../../local/loopback.ts';
import { canType, type Typed, type TypedAnswer, typeTo } from '../../support/cli/typing.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

const password = 'not-a-real-password-typed';
let system: GatewaySystem;
let env: Record<string, string>;

beforeAll(async () => {
  system = await startGatewaySystem();
  const { accessKeyId, secretAccessKey } = system.callers.operator;
  env = {
    PATH: process.env.PATH ?? '',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: system.servers.secrets.url,
  };
});
afterAll(() => system.close());

const commandLine = (...more: string[]) => [
  'cli/main.ts',
  'credentials',
  'set',
  'one',
  '--endpoint',
  system.gateway.url,
  ...more,
];

/** Types at a new terminal. */
async function type(answers: TypedAnswer[], ...more: string[]): Promise<Typed> {
  return typeTo([process.execPath, ...commandLine(...more)], answers, { env });
}

/** The same in a shell, which resumes the command as soon as Ctrl-Z has stopped it. */
async function typeInShell(answers: TypedAnswer[], ...more: string[]): Promise<Typed> {
  const inShell = ['/bin/bash', '-mc', '"$@" || { echo back again; fg > /dev/null; }', 'bash', process.execPath];
  return typeTo([...inShell, ...commandLine(...more)], answers, { env });
}

/** Vitest counts a test that did not run as skipped. */
const atTerminal = test.skipIf(!canType);

atTerminal('at a terminal the password is not shown while it is typed', async () => {
  system.servers.fegora.setPassword('user-one', password);
  const { shown, code } = await type([
    ['Username: ', 'user-one\r'],
    ['(not shown): ', `${password}\r`],
    ['[Y/n] ', 'y\r'],
  ]);

  expect(code).toBe(0);
  expect(shown).toContain('user-one');
  expect(shown).toContain('one: Fegora takes them');
  expect(shown).not.toContain('not-a-real-password');
});

atTerminal.each([
  ['Ctrl-C at the user', 'Username: ', 'us\u0003', []],
  ['Ctrl-C at the password', '(not shown): ', 'not-a-real\u0003', ['--username', 'user-one']],
  ['Ctrl-D at the user', 'Username: ', '\u0004', []],
  ['Ctrl-D at the password', '(not shown): ', '\u0004', ['--username', 'user-one']],
])('%s stores nothing, and prints interrupted on a new line', async (_, question, typed, more) => {
  const { shown, code } = await type([[question, typed]], ...more);

  expect(code).toBe(130);
  expect(shown).toMatch(/\nbroker: interrupted\s*$/);
  expect(shown).not.toMatch(/stored|not-a-real/);
});

atTerminal('Ctrl-C while the command waits, and asks nothing, ends it at once', async () => {
  const silent = await serve(() => undefined);
  const typed: TypedAnswer[] = [['waiting for AWS', '\u0003']];
  const { shown, code } = await type(typed, '--endpoint', silent.url, '--secrets-endpoint', silent.url);
  await silent.close();

  expect(code).toBe(130);
  expect(shown.split('\u001b[K').at(-1)).toMatch(/^broker: interrupted\s*$/);
});

atTerminal.each([
  ['the user', [['Username: ', 'usuario-\u00f1\r']], []],
  ['the password', [['(not shown): ', 'contrase\u00f1a\r']], ['--username', 'user-one']],
] satisfies [string, [string, string][], string[]][])(
  'promise 58: %s typed in Latin-1 is refused, and nothing is stored',
  async (_, typed, more) => {
    const { shown, code } = await type(typed, ...more);

    expect(code).toBe(2);
    expect(shown).toMatch(/broker: nothing was stored: the (username|password) is not UTF-8/);
    expect(shown).not.toMatch(/stored as version|contrase/);
  },
);

atTerminal(
  'promise 58: a password that is pasted together with the user name is not shown, and is stored',
  async () => {
    const { shown, code } = await type([['Username: ', `user-one\r${password}\r`]], '--no-verify');

    expect(code).toBe(0);
    expect(shown).toContain('user-one');
    expect(shown).toContain('one: stored as version');
    expect(shown).not.toContain('not-a-real');
  },
);

atTerminal('promise 58: what is typed while the command waits is not shown, and answers the questions', async () => {
  const received: string[] = [];
  const slow = await serve(async (request, response) => {
    received.push(await text(request));
    const body = JSON.stringify({ accounts: [{ account: 'one' }], VersionId: 'v-1' });
    setTimeout(() => response.end(body), received.length === 1 ? 1600 : 0);
  });
  const { shown, code } = await type(
    [['waiting for AWS', `user-one\r${password}\r`]],
    ...['--endpoint', slow.url, '--secrets-endpoint', slow.url, '--secret-id', 's', '--no-verify'],
  );
  await slow.close();

  expect(code).toBe(0);
  expect(shown).toContain('one: stored as version v-1');
  expect(shown).not.toMatch(/user-one|not-a-real/);
  expect(received.at(-1)).toContain(JSON.stringify(JSON.stringify({ username: 'user-one', password })).slice(1, -1));
});

atTerminal.each([
  ['the password', '(not shown): ', `${password.slice(0, 5)}\u001a`, `${password.slice(5)}\r`],
  ['the user', 'Username: ', 'user\u001a', '-one\r'],
])('promise 58: after Ctrl-Z and fg at %s, the command goes on, and the password is not shown', async (_, ...parts) => {
  const [question, before, after] = parts;
  const isPassword = question !== 'Username: ';
  const { shown, code } = await typeInShell(
    [
      ...(isPassword ? ([['Username: ', 'user-one\r']] satisfies TypedAnswer[]) : []),
      [question, before],
      [`back again\r\n${isPassword ? 'Pass' : '\u001b[1G\u001b[0JUser'}`, after],
      ...(isPassword ? [] : ([['(not shown): ', `${password}\r`]] satisfies TypedAnswer[])),
    ],
    '--no-verify',
  );

  expect(shown).toMatch(/one: stored as version [\w-]+/);
  expect(code).toBe(0);
  expect(shown).not.toContain('-real-');
});

test('promise 62: Ctrl-C while the broker tries the new value tells that it is stored', async () => {
  let verifying = () => {};
  const isVerifying = new Promise<void>((resolve) => {
    verifying = resolve;
  });
  const silent = await serve(async (request, response) => {
    if ((await text(request)).includes('verify')) {
      verifying();
      return;
    }
    response.end(JSON.stringify({ accounts: [{ account: 'one' }], VersionId: 'v-1' }));
  });
  const more = [
    '--endpoint',
    silent.url,
    '--secrets-endpoint',
    silent.url,
    '--secret-id',
    's',
    '--username',
    'user-one',
  ];
  const child = spawn(process.execPath, commandLine(...more, '--verify', '--output', 'json'), { env });
  const ended = once(child, 'close');
  child.stdin.end(`${password}\n`);
  const [out, err] = [text(child.stdout), text(child.stderr)];
  await isVerifying;
  child.kill('SIGINT');
  const [code] = await ended;
  await silent.close();

  expect(code).toBe(130);
  expect(JSON.parse(await out)).toEqual({ account: 'one', secret_id: 's', version_id: 'v-1' });
  expect(JSON.parse((await err).trim().split('\n').at(-1) ?? '')).toEqual({
    error: 'interrupted',
    error_description: 'interrupted; the new value is stored, but perhaps not tried',
    exit_code: 130,
    retryable: false,
  });
});

atTerminal('at a terminal the titles of the help are bold, unless NO_COLOR or TERM=dumb says no', async () => {
  const help = async (more: Record<string, string>) => {
    const command = [process.execPath, 'cli/main.ts', '--help'];
    return (await typeTo(command, [], { env: { PATH: process.env.PATH ?? '', ...more } })).shown;
  };

  expect(await help({})).toContain('\u001b[1mUsage:\u001b[22m');
  expect(await help({ NO_COLOR: '1' })).not.toContain('\u001b');
  expect(await help({ TERM: 'dumb' })).not.toContain('\u001b');
});

atTerminal('at a terminal a line moves while a command waits for over a second, and goes away at its end', async () => {
  const slow = createServer((_, response) => setTimeout(() => response.end('{}'), 1600));
  await new Promise((resolve) => slow.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = slow.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const waiting = async (more: Record<string, string>) => {
    const args = [process.execPath, 'cli/main.ts', 'status', '--endpoint', `http://127.0.0.1:${port}`];
    return (await typeTo(args, [], { env: { ...env, ...more } })).shown;
  };
  const [shown, plain] = await Promise.all([waiting({}), waiting({ NO_COLOR: '1' })]);
  slow.close();

  expect(shown).toMatch(/waiting for AWS … 1 s/);
  expect(shown.split('\u001b[K').at(-1)).toMatch(/^broker: the answer is not from a token broker/);
  expect(plain).toMatch(/^broker: the answer is not from a token broker/);
});

test('a password can be piped in, and is not shown', async () => {
  const child = spawn(process.execPath, commandLine('--username', 'user-one'), { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  // The input stays open, because the writer of a pipe may write more.
  child.stdin.write(`${password}\n`);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);

  expect([code, err]).toEqual([0, expect.stringMatching(/^broker: stored in AWS account \d{12}, .*\n$/)]);
  expect(out).toMatch(/^one: stored as version [\w-]+\n$/);
});

test('the process ends with the exit code of the failure', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'pause', 'three', '--endpoint', system.gateway.url], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);

  expect([code, out]).toEqual([5, '']);
  expect(err).toMatch(/^broker: unknown_account: .*\n$/);
});

test('the command succeeds when the reader of its output has closed the pipe', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'status', '--endpoint', system.gateway.url], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  child.stdout.destroy();

  expect(await Promise.all([ended, text(child.stderr)])).toEqual([0, '']);
});

test('the command succeeds when the reader of its notes has closed the pipe', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'pause', 'two', '--endpoint', system.gateway.url], { env });
  const ended = once(child, 'close');
  child.stderr.destroy();

  expect(await Promise.all([ended, text(child.stdout)])).toEqual([[0, null], 'two: paused\n']);
});

test.skipIf(!existsSync('/dev/full'))('the command fails with one line when its result cannot be written', async () => {
  const command = `exec "${process.execPath}" cli/main.ts status --endpoint ${system.gateway.url} > /dev/full`;
  const child = spawn('sh', ['-c', command], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });

  expect(await Promise.all([ended, text(child.stderr)])).toEqual([1, expect.stringMatching(/^broker: ENOSPC.*\n$/)]);
});
