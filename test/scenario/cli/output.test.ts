// Tests help, version and JSON of every command, against the local gateway.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from '../../../cli/version.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { issued, keys, scriptedBroker } from '../../support/client/broker.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

let commands: CommandLine;
let system: GatewaySystem;

beforeAll(async () => {
  commands = await createCommandLine();
  system = await startGatewaySystem();
});
afterAll(() => Promise.all([commands.close(), system.close()]));

type Caller = 'all' | 'operator';

/** Runs a command with `--output json`. Every line that it writes must be JSON. */
async function json(line: string, caller: Caller = 'operator', typed?: string[]) {
  const options = {
    keys: system.callers[caller],
    env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: system.servers.secrets.url },
  };
  const args = [...line.split(' '), '--output', 'json', '--endpoint', system.gateway.url];
  const { code, out, err } = await commands.run(args, { ...options, ...(typed && { typed }) });
  const parse = (text: string) => JSON.parse(text);
  return { code, out: out.map(parse), err: err.filter((text) => !/^(Username:|Password|Put) /.test(text)).map(parse) };
}

const names = 'token, credentials set, status, doctor, clear-rejection, pause, resume, purge, revoke, reset'.split(
  ', ',
);

describe('help', () => {
  test.each(names)('of %s has examples, and the options that every command has', async (name) => {
    const { code, out } = await commands.run([...name.split(' '), '--help']);

    expect([code, out.join('\n')]).toEqual([0, expect.stringContaining('--output <format>')]);
    expect(out.join('\n')).toMatch(new RegExp(`Examples:\\n  # .+\\n  npm run (--silent )?broker -- ${name} ?`));
  });

  test('and the version need no broker', async () => {
    expect(await commands.run(['--version'])).toEqual({ code: 0, out: [version], err: [] });
    expect((await commands.run(['--help'])).out.join()).toContain('Usage: npm run broker -- [options] [command]');
  });

  test('is printed when there is no command or help for none that exists, and the exit code is 2', async () => {
    const { code, out, err } = await commands.run([]);

    expect([code, out, err.at(-1)]).toEqual([2, [], 'broker: no command, or none of this name']);
    expect(err[0]).toContain('Usage: npm run broker --');
    expect(await commands.run(['help', 'tokn'])).toEqual({ code, out, err });
  });
});

describe('--output json', () => {
  test('prints one document with the names of the API, and no token that was not asked for', async () => {
    const token = await json('token one', 'all');
    const shown = await json('token one --show-token', 'all');
    const status = await json('status one');

    const { token_sha256: fingerprint, expires_at: expiresAt } = token.out[0];
    expect(token).toEqual({
      code: 0,
      err: [],
      out: [{ account: 'one', token_sha256: fingerprint, expires_in: expect.any(Number), expires_at: expiresAt }],
    });
    expect(shown.out).toMatchObject([
      { token_sha256: fingerprint, expires_at: expiresAt, access_token: expect.stringMatching(/^not-a-real-token-/) },
    ]);
    expect(status.out).toMatchObject([
      { action: 'status', accounts: [{ account: 'one', token_sha256: fingerprint, expires_at: expiresAt }] },
    ]);
  });

  test('prints the expiry that the broker names, and the seconds left without a clock', async () => {
    const broker = await scriptedBroker(issued('not-a-real-token', 1799, { expires_at: '2031-01-01T00:00:00.000Z' }));
    const token = ['token', '25365421', '--endpoint', broker.url];
    const [text, document] = await Promise.all([
      commands.run(token, { keys }),
      commands.run([...token, '--output', 'json'], { keys }),
    ]);
    await broker.close();

    expect(text.out.at(-1)).toBe('expires_at   2031-01-01T00:00:00.000Z (in 30 min)');
    const { expires_in: seconds, expires_at: expiresAt } = JSON.parse(document.out.join());
    expect(expiresAt).toBe('2031-01-01T00:00:00.000Z');
    expect(seconds).toBeGreaterThan(1700);
    expect(seconds).toBeLessThan(1800);
  });

  test('prints the answer of the broker for the commands of operators', async () => {
    await json('token two', 'all');
    const revoked = await json('revoke two');
    const others = await Promise.all(
      ['pause two', 'resume two', 'purge two', 'clear-rejection two'].map((line) => json(line)),
    );

    expect(revoked.out).toMatchObject([
      {
        action: 'revoke',
        account: 'two',
        outcome: 'done',
        token_sha256: expect.any(String),
        expires_at: expect.any(String),
      },
    ]);
    expect(others.map(({ code, out }) => [code, out[0].outcome])).toEqual(Array(4).fill([0, 'done']));
    expect(revoked.err).toEqual([{ note: expect.stringContaining('AWS account') }]);
  });

  test('prints what was stored also when the login with it fails', async () => {
    const stored = await json('credentials set two --no-verify', 'operator', ['user-two', 'not-a-real-password-two']);
    await json('purge two');
    const refused = await json('credentials set two --verify', 'operator', ['user-two', 'not-a-real-password']);

    const document = { account: 'two', secret_id: 'fegora/two', version_id: expect.any(String) };
    expect(stored).toMatchObject({ code: 0, out: [document] });
    expect(refused).toMatchObject({ code: 1, out: [document] });
    expect(refused.err.at(-1)).toMatchObject({ error: 'credentials_rejected', exit_code: 1, retryable: false });
  });

  test.each([
    ['token nine', 'all', { error: 'unknown_account', exit_code: 5, request_id: expect.any(String) }],
    ['token one', 'operator', { error: 'forbidden', exit_code: 4, request_id: expect.any(String) }],
    ['status', 'all', { error: 'forbidden', exit_code: 4, request_id: expect.any(String) }],
    ['status --function-name another', 'operator', { error: 'not_found', exit_code: 5 }],
    ['pause', 'operator', { error: 'usage', exit_code: 2, error_description: "missing required argument 'account'" }],
    ['tokn', 'all', { error: 'usage', exit_code: 2 }],
  ] as const)(
    'prints the failure of `%s` by %s as JSON, and nothing on standard output',
    async (line, caller, failure) => {
      const { code, out, err } = await json(line, caller);

      expect([code, out]).toEqual([failure.exit_code, []]);
      expect(err).toEqual([{ error_description: expect.any(String), retryable: false, ...failure }]);
    },
  );
});
