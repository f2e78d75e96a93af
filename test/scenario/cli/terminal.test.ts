import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Scene, startScene } from '../../support/client/scene.ts';

// Each command is a process of its own, and machines that run tests are busy.
vi.setConfig({ testTimeout: 120_000 });

const password = 'not-a-real-password-typed';
let scene: Scene;
let env: Record<string, string>;

beforeAll(async () => {
  scene = await startScene();
  const { accessKeyId, secretAccessKey } = scene.callers.operator;
  env = {
    PATH: process.env.PATH ?? '',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: scene.world.secrets.url,
  };
});
afterAll(() => scene.close());

const commandLine = (...more: string[]) => [
  'cli/main.ts',
  'credentials',
  'set',
  'one',
  '--endpoint',
  scene.gateway.url,
  ...more,
];

/** Types at a terminal of its own what belongs to each question, and prints all that the terminal showed. */
const typist = `
import json, os, pty, sys
command, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown = b''
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if answers and answers[0][0].encode() in shown:
        os.write(terminal, answers.pop(0)[1].encode())
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({'shown': shown.decode(), 'code': status}))
`;

async function type(answers: [string, string][], ...more: string[]): Promise<{ shown: string; code: number }> {
  const command = JSON.stringify([process.execPath, ...commandLine(...more)]);
  const { stdout } = await promisify(execFile)('python3', ['-c', typist, command, JSON.stringify(answers)], { env });
  return JSON.parse(stdout);
}

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

test('at a terminal the password is not shown as it is typed, where Python can play the typist', async () => {
  if (!hasPython) {
    console.log('python3 is not installed here: nobody typed at a terminal.');
    return;
  }
  scene.world.fegora.setPassword('user-one', password);
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

test.each([
  ['Ctrl-C at the user', 'Username: ', 'us\u0003', []],
  ['Ctrl-C at the password', '(not shown): ', 'not-a-real\u0003', ['--username', 'user-one']],
  ['Ctrl-D at the user', 'Username: ', '\u0004', []],
  ['Ctrl-D at the password', '(not shown): ', '\u0004', ['--username', 'user-one']],
])('%s stores nothing, and says so on a line of its own', async (_, question, typed, more) => {
  if (!hasPython) {
    console.log('python3 is not installed here: nobody typed at a terminal.');
    return;
  }
  const { shown, code } = await type([[question, typed]], ...more);

  expect(code).toBe(130);
  expect(shown).toMatch(/\nbroker: interrupted\s*$/);
  expect(shown).not.toMatch(/stored|not-a-real/);
});

test('a password that is pasted with the user is not shown either', async () => {
  if (!hasPython) {
    console.log('python3 is not installed here: nobody typed at a terminal.');
    return;
  }
  const { shown, code } = await type([
    ['Username: ', 'user-one\rnot-a-real-password\r'],
    ['(not shown): ', '\u0003'],
  ]);

  expect(code).toBe(130);
  expect(shown).toContain('user-one');
  expect(shown).not.toContain('not-a-real');
});

test('the password can be piped in, and shows nowhere', async () => {
  const child = spawn(process.execPath, commandLine('--username', 'user-one'), { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  // Not ended: whoever pipes may go on to write.
  child.stdin.write(`${password}\n`);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);

  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^one: stored as version [\w-]+\n$/);
});

test('the number of the failure is the exit code of the process', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'pause', 'three', '--endpoint', scene.gateway.url], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);

  expect([code, out]).toEqual([5, '']);
  expect(err).toMatch(/^broker: unknown_account: .*\n$/);
});

test('a reader that has left is no failure', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'status', '--endpoint', scene.gateway.url], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  child.stdout.destroy();

  expect(await Promise.all([ended, text(child.stderr)])).toEqual([0, '']);
});

test('a result that cannot be written is a failure, in one line', async () => {
  if (!existsSync('/dev/full')) {
    console.log('There is no full device here: nothing was written to it.');
    return;
  }
  const command = `exec "${process.execPath}" cli/main.ts status --endpoint ${scene.gateway.url} > /dev/full`;
  const child = spawn('sh', ['-c', command], { env });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });

  expect(await Promise.all([ended, text(child.stderr)])).toEqual([1, expect.stringMatching(/^broker: ENOSPC.*\n$/)]);
});
