// Tests that `credentials set` stores what was typed or piped, byte for byte, or nothing. Each command is a real process.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

let system: GatewaySystem;
let commands: CommandLine;
let env: Record<string, string>;

beforeAll(async () => {
  system = await startGatewaySystem();
  commands = await createCommandLine();
  const { accessKeyId, secretAccessKey } = system.callers.operator;
  env = { PATH: process.env.PATH ?? '', AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
});
beforeEach(() => {
  system.servers.secrets.put('fegora/one', '{"username":"before","password":"not-a-real-password"}');
});
afterAll(() => Promise.all([system.close(), commands.close()]));

/** Runs `credentials set one` and pipes the bytes in. `ends: false` leaves the pipe open. */
async function set(bytes: Buffer | string, options: readonly string[] = [], { ends = true } = {}) {
  const places = ['--endpoint', system.gateway.url, '--secrets-endpoint', system.servers.secrets.url];
  const child = spawn(process.execPath, ['cli/main.ts', 'credentials', 'set', 'one', ...places, ...options], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  // The command ends before it has read all of a long input.
  child.stdin.on('error', () => undefined);
  if (ends) {
    child.stdin.end(bytes);
  } else {
    child.stderr.once('data', () => child.stdin.write(bytes));
  }
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, err, code };
}

async function stored(): Promise<unknown> {
  const answer = await fetch(system.servers.secrets.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'secretsmanager.GetSecretValue', 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ SecretId: 'fegora/one' }),
  });
  const { SecretString } = JSON.parse(await answer.text());
  return JSON.parse(SecretString);
}

const before = { username: 'before', password: 'not-a-real-password' };
const latin1 = (line: string) => Buffer.from(line, 'latin1');

test.each([
  ['Latin-1', latin1('user-one\ncontraseña\n'), 'standard input is not UTF-8'],
  ['Latin-1 that ends within a character', latin1('user-one\ncontraseñ'), 'standard input is not UTF-8'],
  ['a Latin-1 user', latin1('usuario-ñ\nnot-a-real-one\n'), 'standard input is not UTF-8'],
  ['UTF-16, as PowerShell writes files', Buffer.from('\ufeffuser-one\r\nnot-a-real-one\r\n', 'utf16le'), 'is UTF-16'],
  ['UTF-16 without a byte order mark', Buffer.from('user-one\nnot-a-real-one\n', 'utf16le'), '(U+0000)'],
  ['a zero byte', 'user-one\nnot-a-real\0-one\n', '(U+0000)'],
  ['a tabulator', 'user-one\nnot-a-real\t-one\n', '(U+0009)'],
  ['no password', 'user-one\n', 'standard input ended before the password'],
  ['nothing', '', 'standard input ended before the username'],
  ['three lines', 'user-one\nnot-a-real-one\nnot-a-real-two\n', 'more lines after the password'],
  ['a line without an end', `user-one\n${'x'.repeat(200_000)}`, 'the line for the password is too long'],
])('promise 58: nothing is stored and nothing is sent to Fegora if the input is %s', async (_, bytes, fault) => {
  const { out, err, code } = await set(bytes, ['--verify']);

  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^broker: nothing was stored: .*\n$/);
  expect(err).toContain(fault);
  expect(err).not.toMatch(/not-a-real|contrase|xxx/);
  expect(await stored()).toEqual(before);
  expect(system.servers.fegora.counters().attempts).toBe(0);
});

test.each([
  ['a byte order mark and CR LF', Buffer.from('\ufeffuser-one\r\ncontraseña\r\n')],
  ['no line end', Buffer.from('user-one\ncontraseña')],
  ['empty lines after it', Buffer.from('user-one\ncontraseña\n\n\n')],
])('promise 58: what is stored is what was piped, with %s', async (_, bytes) => {
  expect((await set(bytes)).code).toBe(0);
  expect(await stored()).toEqual({ username: 'user-one', password: 'contraseña' });
});

test('promise 58: a user name in an argument that is not UTF-8 is refused', async () => {
  // Node would encode an argument as UTF-8, so a shell makes the byte.
  const script = `exec "$0" cli/main.ts credentials set one --username "$(printf 'usuario-\\361')" "$@"`;
  const places = ['--endpoint', system.gateway.url, '--secrets-endpoint', system.servers.secrets.url];
  const child = spawn('sh', ['-c', script, process.execPath, ...places], { env });
  child.stdin.end('not-a-real-one\n');

  expect(await text(child.stderr)).toMatch(/^broker: nothing was stored: the username is not UTF-8.*\n$/);
  expect(await stored()).toEqual(before);
});

test('promise 58: an open pipe is told what the command waits for', async () => {
  const { err, code } = await set('not-a-real-one\n', ['--username', 'user-one'], { ends: false });

  expect(err).toMatch(/^broker: waiting for the password, a line of standard input\n/);
  expect(code).toBe(0);
  expect(await stored()).toEqual({ username: 'user-one', password: 'not-a-real-one' });
});

test('promise 58: a secret that was stored from a file with a byte order mark is read', async () => {
  const { servers, callers, gateway } = system;
  servers.secrets.put('fegora/one', '\ufeff{"username":"user-one","password":"not-a-real-password-one"}');
  const { code, err } = await commands.run(['token', 'one', '--endpoint', gateway.url], { keys: callers.all });
  expect([code, err]).toEqual([0, []]);
});

test('promise 58: status shows a secret that is malformed', async () => {
  const { servers, callers, gateway } = system;
  servers.secrets.put('fegora/two', 'not JSON');
  const { code, out } = await commands.run(['status', 'two', '--endpoint', gateway.url], { keys: callers.operator });

  expect(code).toBe(0);
  expect(out.join('\n')).toMatch(/secret_error +secret_malformed/);
});
