// Tests what `npm start` does until Ctrl-C: its lines, variables, port, reloads and warm-ups.
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type LocalRun, startLocalRun } from '../../../local/local-run.ts';
import { describeRun } from '../../../local/report.ts';
import { startWarmUps, type WarmUp } from '../../../local/warm-ups.ts';
import { type LocalProcess, startLocalProcess, valueIn } from '../../support/local-process.ts';
import { signedCall } from '../../support/signed-call.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

const shell = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const ended: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) {
    await end();
  }
});

function start(args: readonly string[] = [], cwd = root): LocalProcess {
  const started = startLocalProcess([...args, '--port', '0'], { cwd });
  ended.push(started.kill);
  return started;
}

async function folder(parent = tmpdir()): Promise<string> {
  const made = await mkdtemp(join(parent, 'local-'));
  ended.push(() => rm(made, { recursive: true }));
  return made;
}

/** What the process has printed: the URL of the gateway, and the keys behind each `--user` by the name of the caller. */
function printed({ output }: LocalProcess) {
  const { stdout } = output();
  const keysOf = (name: string) => {
    const [, accessKeyId = '', secretAccessKey = ''] =
      new RegExp(`(local-${name}-[\\da-f]{8}):(not-a-real-key-[\\da-f]{32})`).exec(stdout) ?? [];
    return { accessKeyId, secretAccessKey };
  };
  return { url: /http:\S+/.exec(valueIn(stdout, 'gateway') ?? '')?.[0] ?? '', keysOf };
}

describe('a line for each call', () => {
  test('a call has a line with time, caller, account, status, source or error, and duration, without the token', async () => {
    const local = start();
    await local.says('duration');
    const { url, keysOf } = printed(local);
    await signedCall(`${url}/token/main`, keysOf('all'));
    await signedCall(`${url}/token`, keysOf('all'));
    await signedCall(`${url}/token/demo-a`, keysOf('all'));
    await signedCall(`${url}/token/unknown`, keysOf('all'));
    await signedCall(`${url}/token/demo-a`, keysOf('none'));
    await signedCall(`${url}/token/main`, { accessKeyId: 'local-all', secretAccessKey: 'not-a-real-key-all' });
    const direct = `${url}/2015-03-31/functions/fegora-token-broker/invocations?Qualifier=account-main`;
    await signedCall(direct, keysOf('all'), { service: 'lambda', body: '{}' });
    await signedCall(direct, keysOf('all'), { service: 'lambda', body: '{"want":"nothing"}' });
    await signedCall(direct, keysOf('none'), { service: 'lambda', body: '{}' });
    await local.says(/InvalidRequest[\s\S]*AccessDenied/);

    const { stdout, stderr } = local.output();
    const time = String.raw`\d\d:\d\d:\d\d  `;
    const lines = stdout.split('\n').filter((line) => new RegExp(`^${time}`).test(line));
    expect(
      lines.map((line) =>
        line
          .replace(/^[\d:]+ +/, '')
          .replace(/ +\d+ ms$/, '')
          .replaceAll(/ +/g, ' '),
      ),
    ).toEqual([
      'all main 200 memory',
      'all main 200 memory',
      'all demo-a 200 upstream',
      'all unknown 404 unknown_account',
      'none demo-a 403 AccessDeniedException',
      '- main 403 UnrecognizedClientException',
      'all main 200 memory',
      'all main 200 InvalidRequest',
      'none main 403 AccessDeniedException',
    ]);
    expect(lines.every((line) => / \d+ ms$/.test(line))).toBe(true);
    expect(stdout + stderr).not.toContain('not-a-real-token');
    expect(stdout).toBe(stripVTControlCharacters(stdout));
  });

  test('no line is printed with --quiet', async () => {
    const local = start(['--quiet']);
    await local.says('Ctrl-C');
    const { url, keysOf } = printed(local);
    await signedCall(`${url}/token/main`, keysOf('all'));
    local.child.kill('SIGINT');
    await local.exit;
    expect(local.output().stdout).toMatch(/Ctrl-C to stop\.\n$/);
  });

  test('a line has colours at a terminal', async () => {
    if (spawnSync('script', ['--version']).status !== 0) {
      console.log('script: not on this machine, so no terminal was tried.');
      return;
    }
    const command = `${process.execPath} local/start.ts --port 0`;
    const env = { PATH: process.env.PATH, TERM: 'xterm-256color' };
    const terminal = promisify(execFile)('script', ['-qec', `timeout 20 ${command}`, '/dev/null'], { cwd: root, env });
    ended.push(() => terminal.child.kill('SIGKILL'));
    let shown = '';
    const line = await new Promise<string>((resolve, reject) => {
      terminal.catch(reject);
      terminal.child.stdout?.setEncoding('utf8').on('data', async (chunk: string) => {
        const hadBegun = shown.includes('duration');
        shown += chunk;
        if (!hadBegun && shown.includes('duration')) {
          const url = /gateway +(http:\S+)/.exec(shown)?.[1];
          await signedCall(`${url}/token/main`, { accessKeyId: 'local-all', secretAccessKey: 'not-a-real-key' });
        }
        const found = /^.*UnrecognizedClientException.*$/m.exec(shown)?.[0];
        if (found !== undefined) {
          resolve(found);
        }
      });
    });
    expect(line).toContain('\u001b[33m403');
  });
});

describe('the variables of a caller', () => {
  const script = `
    const { createTokenClient } = await import(${JSON.stringify(join(root, 'client/index.ts'))});
    const configured = await createTokenClient().getToken();
    const asInTheReadme = await createTokenClient({ endpoint: String(process.env.BROKER_URL), account: 'main' }).getToken();
    const { status } = await fetch(process.env.FEGORA_ORIGIN + '/api/whoami', {
      headers: { authorization: 'Bearer ' + configured.accessToken },
    });
    console.log(configured.fingerprint, asInTheReadme.fingerprint, status);
  `;
  const node = ['--input-type=module', '--eval', script];

  test.skipIf(process.platform === 'win32')(
    'the lines that npm start prints set them for the client, the README and the command line',
    async () => {
      const local = start();
      await local.says('Ctrl-C');
      const { stdout } = local.output();
      const lines = stdout.match(/^ {2}(unset|export) .*$/gm)?.join('\n') ?? '';
      const theirs = { PATH: process.env.PATH, AWS_PROFILE: 'theirs', AWS_SESSION_TOKEN: 'theirs' };
      const run = async (command: string, args: readonly string[]) =>
        (await shell('sh', ['-c', `${lines}\n${command}`, 'sh', ...args], { env: theirs, cwd: root })).stdout;

      const fingerprint = valueIn(stdout, 'token_sha256');
      expect(await run('exec node "$@"', node)).toBe(`${fingerprint} ${fingerprint} 200\n`);
      const token = 'node cli/main.ts token --endpoint "$FEGORA_BROKER_ENDPOINT"';
      expect(await run(token, [])).toContain(fingerprint);
    },
  );

  test('the file of --write-env sets them for node --env-file, and only its owner can read it', async () => {
    const file = join(await folder(), 'local.env');
    const local = start(['--write-env', file]);
    await local.says('Ctrl-C');
    const env = { PATH: process.env.PATH };
    const { stdout } = await shell(process.execPath, [`--env-file=${file}`, ...node], { env });

    const fingerprint = valueIn(local.output().stdout, 'token_sha256');
    expect(stdout).toBe(`${fingerprint} ${fingerprint} 200\n`);
    if (process.platform !== 'win32') {
      expect((await stat(file)).mode & 0o077).toBe(0);
    }
  });

  test('npm start exits with 1 and prints one line when the file of --write-env cannot be written', async () => {
    const { exit, output } = start(['--write-env', join(await folder(), 'none', 'local.env')]);
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toBe('--write-env: the file cannot be written (ENOENT).\n');
  });
});

describe('the servers of a run', () => {
  async function run(options: Partial<Parameters<typeof startLocalRun>[0]> = {}): Promise<LocalRun> {
    const local = await startLocalRun({ env: {}, ...options });
    ended.push(local.close);
    return local;
  }

  test('every server of a run refuses a page that has rebound its name', async () => {
    const { gateway, tokenUrl, secretsUrl, tableUrl } = await run();
    for (const url of [gateway.url, tokenUrl, secretsUrl, tableUrl]) {
      const answer = await fetch(url, { method: 'POST', headers: { origin: 'http://attacker.example' } });
      expect([url, answer.status, await answer.text()]).toEqual([
        url,
        403,
        expect.stringContaining('a page in a browser'),
      ]);
    }
  });

  test('the gateway takes another port and says so if its port is in use and the command line does not name it', async () => {
    const taken = Number(new URL((await run()).gateway.url).port);
    await expect(startLocalRun({ env: {}, port: taken })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const other = await run({ port: taken, orAnyFree: true });
    const { port } = new URL(other.gateway.url);
    expect(port).not.toBe(String(taken));
    expect(describeRun(other, taken)).toContain(
      `${taken} is in use or refused, so the gateway has ${port} (--port chooses one)`,
    );
    expect(describeRun(other, Number(port))).not.toContain('in use');
    // The URL of port 80 has no port in it.
    const atPort80 = { ...other, gateway: { ...other.gateway, url: 'http://127.0.0.1:80' } };
    expect(describeRun(atPort80, 80)).not.toContain('in use');
  });

  test('tokens of a Fegora on another machine are not served to containers', async () => {
    const env = {
      FEGORA_TOKEN_URL: 'https://api.fegora.example/token',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1',
    };
    const started = startLocalRun({ env, isOnlyBroker: true, address: '127.0.0.1' });
    await expect(started).rejects.toThrow(/^--listen is without TLS.*--network host/);
  });

  test('a warm-up comes on its schedule, as from EventBridge, and renews every account', async () => {
    const local = await run();
    const warmUps: WarmUp[] = [];
    ended.push(startWarmUps(local, (warmUp) => warmUps.push(warmUp), 20));
    await expect.poll(() => warmUps.some(({ outcome }) => outcome === 'fresh'), { timeout: 20_000 }).toBe(true);
    const accounts = ['main', 'demo-a', 'demo-b'];
    const renewed = warmUps.filter(({ outcome }) => outcome === 'renewed').map(({ account }) => account);
    expect(new Set(renewed)).toEqual(new Set(accounts));
    expect(local.simulator?.counters()).toMatchObject({ attempts: 3, logins: 3 });
    const answer = await signedCall(`${local.gateway.url}/token/demo-b`, local.callers.all);
    expect(answer.body).toMatchObject({ source: 'memory' });
  });

  test('a warm-up that fails has its code', async () => {
    const local = await run();
    local.simulator?.setPassword('user-of-demo-a', 'not-a-real-password-anymore');
    const warmUps: WarmUp[] = [];
    ended.push(startWarmUps(local, (warmUp) => warmUps.push(warmUp), 20));
    await expect
      .poll(() => warmUps.map(({ outcome }) => outcome), { timeout: 20_000 })
      .toContain('failed:credentials_rejected');
  });
});

describe('npm start -- --watch', () => {
  /** A copy of what the local run consists of, inside the repository, so that it finds the packages. */
  async function copy(): Promise<string> {
    await mkdir(join(root, 'dist'), { recursive: true });
    const made = await folder(join(root, 'dist'));
    for (const part of [
      'lambda',
      'local',
      'client',
      'infra/api/refusals.ts',
      'infra/grants/account-tag.ts',
      'infra/resources/open-account-tag.ts',
      'package.json',
    ]) {
      await cp(join(root, part), join(made, part), { recursive: true });
    }
    return made;
  }

  test('a change is served without a restart: port, keys, table and Fegora stay, and a file that cannot be loaded changes nothing', async () => {
    const cwd = await copy();
    const local = start(['--watch'], cwd);
    await local.says('duration');
    const { url, keysOf } = printed(local);
    const describeUnknown = async () =>
      (await signedCall(`${url}/token/unknown`, keysOf('all'))).body.error_description;
    const before = await describeUnknown();
    const file = join(cwd, 'lambda/errors.ts');
    const source = await readFile(file, 'utf8');
    expect(source).toContain(`'${before}'`);

    await writeFile(file, source.replace(`'${before}'`, "'Changed.'"));
    await local.says(/loaded again after a change of errors\.ts +\d+ ms/);
    expect(await describeUnknown()).toBe('Changed.');
    // The new environment has nothing in memory. The table has what the first call bought.
    const answer = await signedCall(`${url}/token/main`, keysOf('all'));
    expect(answer.body).toMatchObject({
      source: 'shared',
      token_sha256: valueIn(local.output().stdout, 'token_sha256'),
    });

    await writeFile(file, 'const broken = ;');
    await local.says('errors.ts cannot be loaded, so the function stays as it was: ');
    expect(await describeUnknown()).toBe('Changed.');

    await writeFile(file, source);
    await local.says(/cannot be loaded[\s\S]*loaded again after a change of errors\.ts/);
    expect(await describeUnknown()).toBe(before);
    expect(local.output().stderr).toBe('');
    local.child.kill('SIGINT');
    await expect(local.exit).resolves.toBe(0);
  });

  test('a file that is replaced by another of its name is loaded each time, and Ctrl-C ends a load that never ends', async () => {
    const cwd = await copy();
    const local = start(['--watch', '--verbose'], cwd);
    await local.says('duration');
    const file = join(cwd, 'lambda/errors.ts');
    const source = await readFile(file, 'utf8');
    const replace = async (text: string) => {
      await writeFile(join(cwd, 'new.txt'), text);
      await rename(join(cwd, 'new.txt'), file);
    };
    for (const time of [1, 2, 3]) {
      await replace(`${source}// ${time}\n`);
      await local.says(new RegExp(`(loaded again after a change of errors\\.ts[^]*){${time}}`));
    }

    await replace(`${source}console.error('begun');\nsetInterval(() => {}, 1000);\nawait new Promise(() => {});\n`);
    await local.logs('begun');
    local.child.kill('SIGINT');
    await expect(local.exit).resolves.toBe(0);
    expect(local.output().stdout).not.toContain('cannot be loaded');
  });
});
