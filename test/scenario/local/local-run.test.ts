// Tests `npm start` as a process, and its settings.

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import dynalite from 'dynalite';
import { afterEach, describe, expect, test } from 'vitest';
import { startEnvironment } from '../../../local/environment.ts';
import { startFegoraSimulator } from '../../../local/fegora/simulator.ts';
import { listen, serve } from '../../../local/loopback.ts';
import { startSecretsManager } from '../../../local/secrets-manager/server.ts';
import { startTokenTable } from '../../../local/services.ts';
import { functionEnv, readSettings, SettingRefused } from '../../../local/settings.ts';
import { lambdaContext } from '../../support/events/events.ts';
import { type LocalProcess, startLocalProcess, valueIn } from '../../support/local-process.ts';
import { plainCall, signedCall } from '../../support/signed-call.ts';

const shell = promisify(execFile);
/** Every token of the simulator starts with this text. */
const tokenPrefix = 'not-a-real-token-';
const ended: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) {
    await end();
  }
});

/** Starts the process of `npm start`. The port is any free one. */
function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): LocalProcess {
  const started = startLocalProcess([...args, ...(args.includes('--port') ? [] : ['--port', '0'])], { env });
  ended.push(started.kill);
  return started;
}

describe('npm start -- --once', () => {
  test('npm start -- --once makes one call and exits with 0, and prints neither the token nor colours', async () => {
    const { exit, output } = start(['--once']);
    await expect(exit).resolves.toBe(0);
    const { stdout, stderr } = output();
    expect(valueIn(stdout, 'account')).toBe('main');
    expect(valueIn(stdout, 'token_sha256')).toMatch(/^[\da-f]{64}$/);
    expect(Number(valueIn(stdout, 'seconds left'))).toBeGreaterThan(1700);
    expect(valueIn(stdout, 'source')).toBe('upstream');
    expect(valueIn(stdout, 'logins made')).toBe('1');
    expect(stdout + stderr).not.toContain(tokenPrefix);
    expect(stdout + stderr).not.toContain('not-a-real-password');
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toBe('');
  });

  test('npm start -- --once does not use the proxy of the shell for its own machine', async () => {
    const nowhere = 'http://127.0.0.1:1';
    const { exit } = start(['--once'], { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere });
    await expect(exit).resolves.toBe(0);
  });

  test('npm start -- --once prints the token with --show-token, and the log without the token with --verbose', async () => {
    const { exit, output } = start(['--once', '--show-token', '--verbose']);
    await expect(exit).resolves.toBe(0);
    const { stdout, stderr } = output();
    const token = valueIn(stdout, 'token') ?? '';
    expect(token).toContain(tokenPrefix);
    expect(createHash('sha256').update(token).digest('hex')).toBe(valueIn(stdout, 'token_sha256'));
    expect(stderr).toContain('"audit":"issue"');
    expect(stderr).not.toContain(tokenPrefix);
    expect(stderr).not.toContain('not-a-real-password');
  });

  test('npm start -- --once uses the services that the environment names, and creates the table there', async () => {
    const simulator = await startFegoraSimulator({ accounts: { someone: 'not-a-real-password' } });
    const secrets = await startSecretsManager();
    const dynamo = await listen(dynalite({ createTableMs: 0 }));
    ended.push(simulator.close, secrets.close, dynamo.close);
    secrets.create('theirs', JSON.stringify({ username: 'someone', password: 'not-a-real-password' }));
    const env = {
      FEGORA_TOKEN_URL: simulator.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.url,
      FEGORA_ACCOUNTS: '{"someone":"theirs"}',
    };
    const first = start(['--once'], env);
    await expect(first.exit).resolves.toBe(0);
    expect(valueIn(first.output().stdout, 'account')).toBe('someone');
    expect(valueIn(first.output().stdout, 'source')).toBe('upstream');
    expect(valueIn(first.output().stdout, 'Fegora')).toContain(simulator.url);
    expect(secrets.calls('GetSecretValue')).toBe(1);
    expect(simulator.counters().logins).toBe(1);

    const second = start(['--once'], env);
    await expect(second.exit).resolves.toBe(0);
    expect(valueIn(second.output().stdout, 'source')).toBe('shared');
    expect(simulator.counters().logins).toBe(1);
  });

  test('npm start -- --once exits with 1 and prints the error when the first call fails', async () => {
    const secrets = await startSecretsManager();
    ended.push(secrets.close);
    secrets.create('fegora/main', JSON.stringify({ username: 'user-of-main', password: 'not-a-real-password' }));
    const { exit, output } = start(['--once'], { AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url });
    await expect(exit).resolves.toBe(1);
    expect(valueIn(output().stdout, 'error')).toBe('credentials_rejected');
    expect(valueIn(output().stdout, 'log')).toContain('--verbose');
  });

  test('npm start -- --once exits with 1 and starts nothing when Fegora is on another machine and the table on this one', async () => {
    const theirs = { AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'not-a-real-key-of-theirs' };
    const { exit, output } = start(['--once'], {
      FEGORA_TOKEN_URL: 'https://api.fegora.example/token',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://secretsmanager.us-east-1.amazonaws.com',
      ...theirs,
    });
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(
      /^FEGORA_TOKEN_URL is on another machine and the table is on this one: .*--only-broker .*\.\n$/,
    );
    expect(output().stdout).toBe('');
  });

  test('npm start -- --once exits with 1 and starts nothing when Fegora is on another machine and the credentials are built in', async () => {
    const { exit, output } = start(['--once'], { FEGORA_TOKEN_URL: 'https://api.fegora.example/token' });
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(/^FEGORA_TOKEN_URL .* set AWS_ENDPOINT_URL_SECRETS_MANAGER too\.\n$/);
    expect(output().stdout).toBe('');
  });

  test.each([
    [['--twice'], /^Unknown option '--twice'/],
    [['--port', '70000'], /^--port takes a number/],
  ])('npm start -- --once exits with 1 and prints the reason when the arguments are %j', async (args, why) => {
    const { exit, output } = start(args);
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(why);
    expect(output().stderr).not.toMatch(/^ +at /m);
  });

  test('npm start --once, without the two hyphens, exits with 1 and says how to write it, because npm keeps the option', async () => {
    const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, npm_config_update_notifier: 'false' };
    const started = shell('npm', ['start', '--silent', '--once', '--write-env=x'], { env });
    await expect(started).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^npm kept --once --write-env x for itself\. Write: npm start -- --once --write-env x\. .*\n$/m,
      ),
    });
  });

  test('npm start -- --once exits with 1 and names the variable when no DynamoDB answers at its URL', async () => {
    const { exit, output } = start(['--once'], { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' });
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(/^AWS_ENDPOINT_URL_DYNAMODB: .*\(ECONNREFUSED\)\.\n$/);
    expect(output().stdout).toBe('');
  });

  test('npm start -- --once exits with 1 and prints one line when its output cannot be written', async () => {
    const { child, exit, output } = start(['--once']);
    child.stdout?.destroy();
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(/^Standard output cannot be written: .*EPIPE.*\n$/);
  });

  test('npm start -- --once exits with 1 and says what --listen takes when this machine does not have the address', async () => {
    const { exit, output } = start(['--once', '--listen', '192.0.2.77']);
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toBe(
      'This machine does not have the address 192.0.2.77. --listen takes one of its IPv4 addresses, such as that of Docker’s bridge.\n',
    );
  });

  test('npm start -- --once exits with 1 when the port is in use', async () => {
    const secrets = await startSecretsManager();
    ended.push(secrets.close);
    const { exit, output } = start(['--once', '--port', new URL(secrets.url).port]);
    await expect(exit).resolves.toBe(1);
    expect(output().stderr).toMatch(/EADDRINUSE/);
    expect(output().stderr).not.toMatch(/^ +at /m);
  });
});

describe('npm start', () => {
  const hasCurl = /aws-sigv4/.test(spawnSync('curl', ['--help', 'auth'], { encoding: 'utf8' }).stdout ?? '');

  test('npm start serves until Ctrl-C, then exits with 0', async () => {
    const { child, exit, says, output } = start();
    await says('Ctrl-C');
    const gateway = /http:\S+/.exec(valueIn(output().stdout, 'gateway') ?? '')?.[0] ?? '';
    await expect(plainCall(`${gateway}/token`)).resolves.toMatchObject({ status: 403 });
    child.kill('SIGINT');
    await expect(exit).resolves.toBe(0);
    expect(output().stderr).toBe('');
    await expect(plainCall(`${gateway}/token`)).rejects.toThrow();
  });

  test('npm start prints operator commands that work in a shell with a profile and a session', async () => {
    const { says, output } = start();
    await says('Ctrl-C');
    const theirs = { AWS_PROFILE: 'theirs', AWS_SESSION_TOKEN: 'theirs', AWS_SECRET_ACCESS_KEY: 'theirs' };
    const operator = async (ending: string, input = '') => {
      const line = new RegExp(`^ +(env .*npm run broker .*${ending}.*)$`, 'm').exec(output().stdout)?.[1] ?? '';
      const options = { env: { PATH: process.env.PATH, ...theirs } };
      return (await shell('sh', ['-c', `printf '${input}' | ${line}`], options)).stdout;
    };
    await expect(operator('status')).resolves.toMatch(/^main +ok +in \d+ min/m);

    const typed = 'user-of-main\\nnot-a-real-password-of-main\\n';
    await expect(operator('credentials set', typed)).resolves.toMatch(/main: stored as version/);
  });

  test('promise 67: npm start prints how a worker gets keys for one tenant, which get its token and no other', async () => {
    const { says, output } = start();
    await says('Ctrl-C');
    const [, accessKeyId = '', secretAccessKey = '', endpoint = '', RoleArn = '', Key = '', Value = ''] =
      /AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=(\S+) aws sts assume-role --endpoint-url (\S+) .*--role-arn (\S+) .*--tags Key=(\S+),Value=(\S+)$/m.exec(
        output().stdout,
      ) ?? [];
    const session = (value: string) =>
      fromTemporaryCredentials({
        masterCredentials: { accessKeyId, secretAccessKey },
        params: { RoleArn, RoleSessionName: 'worker', Tags: [{ Key, Value: value }] },
        clientConfig: { endpoint, region: 'us-east-1' },
      })();
    const { sessionToken = '', ...keys } = await session(Value);
    expect(Value).toBe('demo-a');
    for (const [account, status] of [
      ['demo-a', 200],
      ['main', 403],
      ['demo-b', 403],
    ] as const) {
      expect((await signedCall(`${endpoint}/token/${account}`, { ...keys, sessionToken })).status).toBe(status);
    }
    await expect(session('')).rejects.toMatchObject({ name: 'AccessDenied' });
    await says('AccessDenied  ');
  });

  if (!hasCurl) {
    test('npm start prints a curl line with the right URL and keys (no curl with --aws-sigv4 here, so the SDK signs)', async () => {
      const { says, output } = start();
      await says('Ctrl-C');
      const [, url = '', accessKeyId = '', secretAccessKey = ''] =
        /curl .* (http:\S+) .* --user (\S+?):(\S+)$/m.exec(output().stdout) ?? [];
      await expect(signedCall(url, { accessKeyId, secretAccessKey })).resolves.toMatchObject({ status: 200 });
    });
    return;
  }

  test('npm start prints a curl line that works in another shell', async () => {
    const { says, output } = start();
    await says('Ctrl-C');
    const line = /^ +(curl .*)$/m.exec(output().stdout)?.[1] ?? '';
    const curl = async (command: string) =>
      (await shell('sh', ['-c', command], { env: { PATH: process.env.PATH } })).stdout;

    const answer = await curl(line);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    for (const header of ['Cache-Control: no-store', 'Pragma: no-cache', 'X-Content-Type-Options: nosniff']) {
      expect(answer).toContain(`\r\n${header}\r\n`);
    }
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual({
      access_token: expect.stringContaining(tokenPrefix),
      token_type: 'bearer',
      expires_in: expect.any(Number),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      account: 'main',
      token_sha256: valueIn(output().stdout, 'token_sha256'),
      source: 'memory',
    });

    const unsigned = line.replace(/ --aws-sigv4 .*$/, '');
    const printed = (what: RegExp) =>
      output()
        .stdout.split('\n')
        .find((text) => what.test(text)) ?? '';
    const first = valueIn(output().stdout, 'account main only') ?? '';
    const refusals = [
      [unsigned, 'MissingAuthenticationTokenException'],
      [`${line}-wrong`, 'InvalidSignatureException'],
      [line.replace(/--user .*$/, valueIn(output().stdout, 'nothing') ?? ''), 'AccessDeniedException'],
      [printed(/curl .*demo-a/), 'AccessDeniedException'],
    ] as const;
    for (const [command, type] of refusals) {
      const refused = await curl(command);
      expect(refused).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
      expect(refused).toContain(`\r\nx-amzn-ErrorType: ${type}\r\n`);
      expect(refused).toContain('"error":"forbidden"');
    }
    const tenant = valueIn(output().stdout, 'the account that its session tag fegora-account names') ?? '';
    for (const keys of [first, tenant]) {
      await expect(curl(line.replace(/--user .*$/, keys))).resolves.toMatch(/^HTTP\/1.1 200 OK/);
      const other = line.replace('/token/main', '/token/demo-a').replace(/--user .*$/, keys);
      await expect(curl(other)).resolves.toMatch(/^HTTP\/1.1 403 Forbidden/);
    }
    expect(JSON.parse(await curl(printed(/curl .*_control/)))).toMatchObject({ logins: 1 });
  });
});

describe('a function whose thread ends', () => {
  test.each([
    ['before it has loaded', 'throw(Error`not-to-be`)', /^Error: not-to-be$/],
    ['by its own exit', 'setTimeout(process.exit,100,3)', /^the function's thread ended with 3$/],
  ])(
    'the environment fails current and later calls at once, and logs the reason, when it ends %s',
    async (_, code, why) => {
      const log: string[] = [];
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${code}` };
      const { handler, stop } = startEnvironment(env, (line) => log.push(line));
      ended.push(stop);
      const died = { name: 'Runtime.ExitError' };
      await expect(handler({}, lambdaContext('http'))).rejects.toMatchObject(died);
      await expect(handler({}, lambdaContext('http'))).rejects.toMatchObject(died);
      expect(log).toContainEqual(expect.stringMatching(why));
    },
  );

  test('the environment fails calls at once and logs nothing when it was stopped', async () => {
    const log: string[] = [];
    const { handler, stop } = startEnvironment({}, (line) => log.push(line));
    const call = handler({}, lambdaContext('http'));
    void stop();
    await expect(call).rejects.toMatchObject({ name: 'Runtime.ExitError', message: 'the function was stopped' });
    await stop();
    await expect(handler({}, lambdaContext('http'))).rejects.toMatchObject({ name: 'Runtime.ExitError' });
    expect(log).toEqual([]);
  });
});

describe('the settings of the local run', () => {
  const elsewhere = { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://secretsmanager.us-east-1.amazonaws.com' };
  const theirs = { AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'not-a-real-key-of-theirs' };

  test.each([
    ['a Fegora on another machine without TLS', { FEGORA_TOKEN_URL: 'http://api.fegora.example/token', ...elsewhere }],
    [
      'a Fegora whose host name only starts like this machine',
      { FEGORA_TOKEN_URL: 'https://127.0.0.1.fegora.example/token' },
    ],
    ['a Fegora with credentials in its URL', { FEGORA_TOKEN_URL: 'http://user:not-a-real-password@127.0.0.1/token' }],
    ['a Fegora that is not a URL', { FEGORA_TOKEN_URL: 'api.fegora.example/token' }],
    ['a Secrets Manager that is not a URL', { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'localhost:4566' }],
    ['a table that is not a URL', { AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:port' }],
    [
      'a Secrets Manager on another machine without TLS',
      { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://x.example:4566', ...theirs },
    ],
    ['a table on another machine without TLS', { AWS_ENDPOINT_URL_DYNAMODB: 'http://192.0.2.1:8000', ...theirs }],
    ['a region that is none', { AWS_REGION: 'us east 1' }],
    ['a default region that is none', { AWS_DEFAULT_REGION: 'us-east-1\r' }],
    ['malformed accounts', { FEGORA_ACCOUNTS: '{"A":"x"}' }],
    [
      'another prefix for open accounts than the commands use',
      { FEGORA_SECRET_PREFIX: 'shop/', FEGORA_OPEN_ACCOUNTS: '1' },
    ],
    ['an unknown default account', { FEGORA_DEFAULT_ACCOUNT: 'demo-c' }],
    ['TLS without checks of certificates', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
  ])('the settings refuse %s, and name the variable but not the value', (_, env) => {
    const [variable = '', value = ''] = Object.entries(env)[0] ?? [];
    expect(() => readSettings(env)).toThrow(SettingRefused);
    expect(() => readSettings(env)).toThrow(variable);
    expect(() => readSettings(env)).not.toThrow(value);
  });

  test.each(['1', 'with-metrics'] as const)(
    'the settings take open accounts, with the prefix that the commands use: %s',
    (value) => {
      const { config } = readSettings({ FEGORA_OPEN_ACCOUNTS: value });
      expect(config).toMatchObject({ openAccounts: value === '1' ? true : value, secretPrefix: 'fegora/' });
    },
  );

  test('the settings take an address that is empty for one that is not set', () => {
    const variables = [
      'FEGORA_TOKEN_URL',
      'AWS_ENDPOINT_URL',
      'AWS_ENDPOINT_URL_SECRETS_MANAGER',
      'AWS_ENDPOINT_URL_DYNAMODB',
    ];
    const empty = Object.fromEntries([...variables, 'AWS_REGION'].map((name) => [name, '']));
    const { given, region } = readSettings(empty);
    expect({ given, region }).toEqual({ given: {}, region: 'us-east-1' });
  });

  test('the settings accept Fegora on another machine when Secrets Manager is set too, with keys', () => {
    const env = {
      FEGORA_TOKEN_URL: 'https://api.fegora.example/token',
      ...elsewhere,
      AWS_ACCESS_KEY_ID: 'theirs',
      AWS_SECRET_ACCESS_KEY: 'not-a-real-key-of-theirs',
    };
    const settings = readSettings(env, true);
    expect(settings.given).toEqual({
      tokenUrl: env.FEGORA_TOKEN_URL,
      secretsUrl: env.AWS_ENDPOINT_URL_SECRETS_MANAGER,
    });
    const urls = { tokenUrl: env.FEGORA_TOKEN_URL, secretsUrl: elsewhere.AWS_ENDPOINT_URL_SECRETS_MANAGER };
    expect(functionEnv(settings, { ...urls, tableUrl: 'http://127.0.0.1:1' })).toMatchObject(env);
  });

  test.each([
    ['the built-in table', undefined, true],
    ['a table on this machine', 'http://127.0.0.1:8000', true],
    ['a table on this machine by another spelling', 'http://[::1]:8000', true],
    ['a table on another machine', 'https://dynamodb.us-east-1.amazonaws.com', false],
  ])(
    'the settings refuse a Fegora on another machine with %s only if two brokers could log in: %s',
    (_, url, refused) => {
      const env = {
        FEGORA_TOKEN_URL: 'https://api.fegora.example/token',
        ...elsewhere,
        AWS_ENDPOINT_URL_DYNAMODB: url,
        AWS_ACCESS_KEY_ID: 'theirs',
        AWS_SECRET_ACCESS_KEY: 'not-a-real-key-of-theirs',
      };
      const read = () => readSettings(env);
      expect(() => readSettings(env, true)).not.toThrow();
      if (refused) {
        expect(read).toThrow(SettingRefused);
        expect(read).toThrow(/^FEGORA_TOKEN_URL .*the table is on this one.*--only-broker/);
        expect(read).not.toThrow('api.fegora.example');
      } else {
        expect(read).not.toThrow();
      }
    },
  );

  test('the settings accept a table on this machine when Fegora is on this machine too', () => {
    expect(() => readSettings({ FEGORA_TOKEN_URL: 'http://localhost:8080/token' })).not.toThrow();
  });

  test.each([
    ['AWS_ENDPOINT_URL_SECRETS_MANAGER', { AWS_PROFILE: 'theirs' }, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    ['AWS_ENDPOINT_URL_DYNAMODB', { AWS_PROFILE: 'theirs' }, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    ['AWS_ENDPOINT_URL_DYNAMODB', { AWS_ACCESS_KEY_ID: 'theirs' }, /set AWS_SECRET_ACCESS_KEY /],
  ])('the settings refuse %s on another machine with %o, and name the missing keys', (variable, keys, missing) => {
    const env = { [variable]: 'https://service.us-east-1.amazonaws.com', ...keys };
    expect(() => readSettings(env)).toThrow(SettingRefused);
    expect(() => readSettings(env)).toThrow(variable);
    expect(() => readSettings(env)).toThrow(missing);
  });

  test('the settings give no real keys to emulators', () => {
    const env = { AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'theirs', AWS_SESSION_TOKEN: 'theirs' };
    const local = 'http://127.0.0.1:1';
    const given = functionEnv(readSettings(env), { tokenUrl: local, secretsUrl: local, tableUrl: local });
    expect(Object.values(given)).not.toContain('theirs');
  });
});

describe('a table that the environment names', () => {
  test('the table is created on this machine only: another machine gets no request', async () => {
    let requests = 0;
    const server = await serve((_, response) => {
      requests += 1;
      response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.0' }).end('{"__type":"ValidationException"}');
    });
    ended.push(server.close);
    const tableAt = async (tableUrl: string) => {
      const keys = { AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'not-a-real-key' };
      const settings = readSettings({ AWS_ENDPOINT_URL_DYNAMODB: tableUrl, ...keys });
      return startTokenTable(settings, new AsyncDisposableStack());
    };
    // Another spelling of this machine. The rule takes it for another machine.
    const elsewhere = server.url.replace('http://127.0.0.1', 'https://0.0.0.0');
    await expect(tableAt(elsewhere)).resolves.toEqual({ tableUrl: elsewhere });
    expect(requests).toBe(0);
    await expect(tableAt(server.url)).rejects.toThrow(SettingRefused);
    expect(requests).toBe(1);
  });
});
