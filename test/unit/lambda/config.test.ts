// Which environment variables parseConfig accepts.
import { describe, expect, it } from 'vitest';
import { accountIdPattern, type Environment, isSameSecret, parseConfig, variables } from '../../../lambda/config.ts';

const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:';
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
        defaultAccount: undefined,
        tableName: 'tokens',
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
    });
    expect(parsed).toMatchObject({
      config: {
        tokenUrl: 'http://127.0.0.1:4711/token',
        clientId: 'other',
        defaultAccount: 'two',
        loginBudget: { perHour: 4, perDay: 250 },
        renewWith: 'refresh_token',
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

describe('the variable FEGORA_ACCOUNTS', () => {
  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['text that is not JSON', '{one}'],
    ['an empty object', '{}'],
    ['an array', '["one"]'],
    ['a string', '"one"'],
    ['null', 'null'],
    ['an id in capitals', '{"One":"a"}'],
    ['an id that starts with a hyphen', '{"-one":"a"}'],
    ['an id of 64 characters', `{"${'a'.repeat(64)}":"a"}`],
    ['an empty id', '{"":"a"}'],
    ['a prototype key', '{"__proto__":"a"}'],
    ['a prototype key that hides an account', '{"__proto__":{"one":"a"}}'],
    ['a secret that is not a string', '{"one":1}'],
    ['an empty secret', '{"one":""}'],
    ['a secret with a space', '{"one":"a b"}'],
    ['an account named twice', '{"one":"a","one":"b"}'],
    ['one secret for two accounts', '{"one":"a","two":"a"}'],
    ['one secret by name and by ARN', `{"one":"a","two":"${arn}a-AbCdEf"}`],
    ['one secret by ARN and by partial ARN', `{"one":"${arn}a-AbCdEf","two":"${arn}a"}`],
  ])('may not be %s', (_name, accounts) => {
    expect(faulty({ FEGORA_ACCOUNTS: accounts })).toEqual(['FEGORA_ACCOUNTS']);
  });

  it('may have accounts that are named like members of Object.prototype', () => {
    const parsed = parseConfig({ ...good, FEGORA_ACCOUNTS: '{"constructor":"a"}' });
    const accounts = 'config' in parsed ? parsed.config.accounts : new Map();
    expect(accounts.get('constructor')).toBe('a');
    expect(accounts.get('toString')).toBeUndefined();
  });

  it('must contain the default account', () => {
    expect(faulty({ FEGORA_DEFAULT_ACCOUNT: 'three' })).toEqual(['FEGORA_DEFAULT_ACCOUNT']);
    expect(faulty({ FEGORA_DEFAULT_ACCOUNT: 'constructor' })).toEqual(['FEGORA_DEFAULT_ACCOUNT']);
    expect(faulty({ FEGORA_DEFAULT_ACCOUNT: '' })).toEqual(['FEGORA_DEFAULT_ACCOUNT']);
  });

  it('has only ids that fit an alias', () => {
    expect(accountIdPattern.test('a'.repeat(63))).toBe(true);
    expect(accountIdPattern.test('4-3430775')).toBe(true);
    expect(accountIdPattern.test('one\n')).toBe(false);
  });
});

describe('the comparison of two secret ids', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', `${arn}a`, true],
    ['a', `${arn}a-AbCdEf`, true],
    ['a', `${arn}a-AbCdE`, false],
    ['a', `${arn}a-AbCd-f`, false],
    ['a', `${arn}aa-AbCdEf`, false],
    [`${arn}a`, `${arn}a-AbCdEf`, true],
    [`${arn}a-AbCdEf`, `${arn}a-123456`, false],
    [`${arn}a`, `${arn.replace('us-east-1', 'eu-west-1')}a-AbCdEf`, false],
    ['fegora/nit-123456', 'fegora/nit', false],
    [`${arn}fegora/nit-123456`, `${arn}fegora/nit-654321`, false],
  ])('of %s and %s is %s', (one, other, same) => {
    expect(isSameSecret(one, other)).toBe(same);
    expect(isSameSecret(other, one)).toBe(same);
  });
});
