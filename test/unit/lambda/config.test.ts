// Which environment variables parseConfig accepts.
import { describe, expect, it } from 'vitest';
import { type Environment, parseConfig, variables } from '../../../lambda/config.ts';

const good: Environment = {
  FEGORA_ACCOUNTS: '{"one":"fegora/one","two":"fegora/two"}',
  TOKEN_TABLE_NAME: 'tokens',
};

/** The variable of each fault. */
function faulty(env: Environment): string[] {
  const parsed = parseConfig({ ...good, ...env });
  return 'faults' in parsed ? parsed.faults.map((fault) => fault.variable) : [];
}

describe('the configuration', () => {
  it('has the token URL and the client id that Fegora publishes when they are not set', () => {
    expect(parseConfig(good)).toEqual({
      config: {
        tokenUrl: 'https://api.fegora.com/token',
        clientId: 'apiApp',
        accounts: new Map([
          ['one', 'fegora/one'],
          ['two', 'fegora/two'],
        ]),
        secretPrefix: undefined,
        openAccounts: false,
        defaultAccount: undefined,
        tableName: 'tokens',
        warmupQueue: undefined,
        loginBudget: { perHour: 12, perDay: 150 },
        renewWith: 'password',
      },
    });
  });

  it('is frozen', () => {
    const parsed = parseConfig(good);
    expect('config' in parsed && Object.isFrozen(parsed.config)).toBe(true);
  });

  it('takes every variable that is set', () => {
    const parsed = parseConfig({
      ...good,
      FEGORA_TOKEN_URL: 'http://127.0.0.1:4711/token',
      FEGORA_ALLOW_HTTP_LOOPBACK: '1',
      FEGORA_CLIENT_ID: 'other',
      FEGORA_DEFAULT_ACCOUNT: 'two',
      FEGORA_LOGINS_PER_HOUR: '4',
      FEGORA_LOGINS_PER_DAY: '250',
      FEGORA_RENEW_WITH: 'refresh_token',
      WARMUP_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/111111111111/due',
    });
    expect(parsed).toMatchObject({
      config: {
        tokenUrl: 'http://127.0.0.1:4711/token',
        clientId: 'other',
        defaultAccount: 'two',
        loginBudget: { perHour: 4, perDay: 250 },
        renewWith: 'refresh_token',
        warmupQueue: 'https://sqs.us-east-1.amazonaws.com/111111111111/due',
      },
    });
  });

  it('reports every fault at once', () => {
    const parsed = parseConfig({
      FEGORA_TOKEN_URL: 'ftp://api.fegora.com',
      FEGORA_CLIENT_ID: '',
      FEGORA_DEFAULT_ACCOUNT: 'one',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    });
    const reported = 'faults' in parsed ? parsed.faults.map((fault) => fault.variable) : [];
    expect(reported.sort()).toEqual(
      [
        variables.accounts,
        variables.clientId,
        variables.defaultAccount,
        variables.tableName,
        variables.tlsRejectUnauthorized,
        variables.tokenUrl,
      ].sort(),
    );
  });

  it.each(['', 'Password', 'refresh', 'refresh_token '])('refuses to renew with «%s»', (text) => {
    const faults = [{ variable: variables.renewWith, problem: 'must be password or refresh_token' }];
    expect(parseConfig({ ...good, FEGORA_RENEW_WITH: text })).toEqual({ faults });
  });

  it('never repeats a value in a fault', () => {
    const canary = 'not-a-real-password';
    const parsed = parseConfig({
      FEGORA_TOKEN_URL: `http://${canary}:${canary}@api.fegora.com`,
      FEGORA_CLIENT_ID: `${canary} `,
      FEGORA_ACCOUNTS: `{"${canary}_":"x","one":"${canary} ","two":{"${canary}":1}}`,
      FEGORA_DEFAULT_ACCOUNT: canary,
      TOKEN_TABLE_NAME: `${canary}!`,
    });
    expect(parsed).toHaveProperty('faults');
    expect(JSON.stringify(parsed)).not.toContain(canary);
  });
});

describe('the variable FEGORA_TOKEN_URL', () => {
  const loopback = { FEGORA_ALLOW_HTTP_LOOPBACK: '1' };
  it.each<[string, Environment]>([
    ['https on another host', { FEGORA_TOKEN_URL: 'https://example.com/token' }],
    ['https on loopback', { FEGORA_TOKEN_URL: 'https://localhost:1/token' }],
    ['http on 127.0.0.1, allowed', { FEGORA_TOKEN_URL: 'http://127.0.0.1:1/token', ...loopback }],
    ['http on 127.1.2.3, allowed', { FEGORA_TOKEN_URL: 'http://127.1.2.3:1/token', ...loopback }],
    ['http on localhost, allowed', { FEGORA_TOKEN_URL: 'http://localhost:1/token', ...loopback }],
    ['http on ::1, allowed', { FEGORA_TOKEN_URL: 'http://[::1]:1/token', ...loopback }],
  ])('may be %s', (_name, env) => {
    expect(faulty(env)).toEqual([]);
  });

  it.each<[string, Environment]>([
    ['empty', { FEGORA_TOKEN_URL: '' }],
    ['text that is not a URL', { FEGORA_TOKEN_URL: 'api.fegora.com/token' }],
    ['http on another host', { FEGORA_TOKEN_URL: 'http://api.fegora.com/token' }],
    ['http on another host, with loopback allowed', { FEGORA_TOKEN_URL: 'http://api.fegora.com/token', ...loopback }],
    ['http on a host that looks like loopback', { FEGORA_TOKEN_URL: 'http://127.0.0.1.example.com/', ...loopback }],
    [
      'http on another host that looks like loopback',
      { FEGORA_TOKEN_URL: 'http://localhost.example.com/', ...loopback },
    ],
    ['http on loopback, not allowed', { FEGORA_TOKEN_URL: 'http://127.0.0.1:1/token' }],
    [
      'http on loopback, allowed with another value than 1',
      { FEGORA_TOKEN_URL: 'http://127.0.0.1:1/', FEGORA_ALLOW_HTTP_LOOPBACK: 'true' },
    ],
    ['another protocol', { FEGORA_TOKEN_URL: 'file:///etc/passwd' }],
    ['a URL with a user', { FEGORA_TOKEN_URL: 'https://someone@api.fegora.com/token' }],
    ['a URL with a password', { FEGORA_TOKEN_URL: 'https://:not-a-real-password@api.fegora.com/token' }],
  ])('may not be %s', (_name, env) => {
    expect(faulty(env)).toEqual(['FEGORA_TOKEN_URL']);
  });
});

describe('the length of a variable', () => {
  it.each([
    ['FEGORA_CLIENT_ID', 1, 128],
    ['TOKEN_TABLE_NAME', 3, 1024],
  ])('of %s is %i to %i characters', (variable, least, most) => {
    expect(faulty({ [variable]: 'x'.repeat(least) })).toEqual([]);
    expect(faulty({ [variable]: 'x'.repeat(most) })).toEqual([]);
    expect(faulty({ [variable]: 'x'.repeat(least - 1) })).toEqual([variable]);
    expect(faulty({ [variable]: 'x'.repeat(most + 1) })).toEqual([variable]);
  });
});
