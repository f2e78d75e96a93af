// Which secret each account has, by the environment variables, and which secret ids mean the same (lambda/account-secrets.ts).
import { describe, expect, it } from 'vitest';
import {
  accountIdPattern,
  isSameSecret,
  secretPrefixPattern,
  withOpenAccounts,
} from '../../../lambda/account-secrets.ts';
import { type Environment, parseConfig } from '../../../lambda/config.ts';

const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:';
const good: Environment = {
  FEGORA_ACCOUNTS: '{"one":"fegora/one","two":"fegora/two"}',
  TOKEN_TABLE_NAME: 'tokens',
};
const named: Environment = {
  FEGORA_ACCOUNTS: undefined,
  FEGORA_ACCOUNT_IDS: 'main nit-2',
  FEGORA_SECRET_PREFIX: 'fegora/dev/',
};

/** The variable of each fault. */
function faulty(env: Environment): string[] {
  const parsed = parseConfig({ ...good, ...env });
  return 'faults' in parsed ? parsed.faults.map((fault) => fault.variable) : [];
}

/** The secret id of each account. */
function accountsOf(env: Environment) {
  const parsed = parseConfig({ ...good, ...env });
  return 'config' in parsed ? Object.fromEntries(parsed.config.accounts) : parsed.faults;
}

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

describe('the variable FEGORA_ACCOUNT_IDS', () => {
  it('names the secret of each account after the prefix and the id, also an id that ends like an ARN', () => {
    expect(accountsOf({ ...named, FEGORA_ACCOUNT_IDS: 'main tienda tienda-centro' })).toEqual({
      main: 'fegora/dev/main',
      tienda: 'fegora/dev/tienda',
      'tienda-centro': 'fegora/dev/tienda-centro',
    });
  });

  it('goes together with accounts whose secrets have other names', () => {
    const listed = { FEGORA_ACCOUNTS: `{"tienda":"fegora/dev/tienda","old":"${arn}Generated-AbCdEf"}` };
    expect(accountsOf({ ...named, ...listed, FEGORA_ACCOUNT_IDS: 'tienda-centro' })).toEqual({
      tienda: 'fegora/dev/tienda',
      old: `${arn}Generated-AbCdEf`,
      'tienda-centro': 'fegora/dev/tienda-centro',
    });
  });

  it.each([
    ['empty', ''],
    ['ids in a list of JSON', '["main"]'],
    ['ids with two spaces between', 'main  two'],
    ['ids with a space at the end', 'main '],
    ['ids with a comma between', 'main,two'],
    ['an id in capitals', 'Main'],
    ['an id of 64 characters', 'a'.repeat(64)],
    ['an id that is there twice', 'main two main'],
  ])('may not be %s', (_name, ids) => {
    expect(faulty({ ...named, FEGORA_ACCOUNT_IDS: ids })).toEqual(['FEGORA_ACCOUNT_IDS']);
  });

  it('may not have an account that FEGORA_ACCOUNTS has', () => {
    expect(faulty({ ...named, FEGORA_ACCOUNTS: '{"main":"other"}' })).toEqual(['FEGORA_ACCOUNT_IDS']);
  });

  it.each([
    ['its name', 'fegora/dev/main'],
    ['its ARN', `${arn}fegora/dev/main-AbCdEf`],
    ['its ARN without the six characters', `${arn}fegora/dev/main`],
  ])('may not have an account whose secret another account has by %s', (_name, secretId) => {
    expect(faulty({ ...named, FEGORA_ACCOUNTS: `{"other":"${secretId}"}` })).toEqual(['FEGORA_ACCOUNTS']);
  });

  it('tells a secret of that name in another AWS account from its own once it knows where its own are', () => {
    const elsewhere = { ...named, FEGORA_ACCOUNTS: `{"other":"${arn}fegora/dev/main-AbCdEf"}` };
    const start = (account: string) => ({ FEGORA_SECRET_ARN_START: arn.slice(0, -1).replace('000000000000', account) });
    expect(faulty({ ...elsewhere, ...start('000000000000') })).toEqual(['FEGORA_ACCOUNTS']);
    expect(faulty({ ...elsewhere, ...start('111111111111') })).toEqual([]);
  });

  it('may name the default account', () => {
    expect(faulty({ ...named, FEGORA_DEFAULT_ACCOUNT: 'nit-2' })).toEqual([]);
    expect(faulty({ ...named, FEGORA_DEFAULT_ACCOUNT: 'nit-3' })).toEqual(['FEGORA_DEFAULT_ACCOUNT']);
  });
});

describe('the variable FEGORA_SECRET_PREFIX', () => {
  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['without a slash at its end', 'fegora/dev'],
    ['only a slash', '/'],
    ['with a space', 'fegora dev/'],
    ['with a wildcard', 'fegora/*/'],
    ['with a colon', 'fegora:dev/'],
    ['of 129 characters', `${'x'.repeat(128)}/`],
  ])('may not be %s', (_name, prefix) => {
    expect(faulty({ ...named, FEGORA_SECRET_PREFIX: prefix })).toEqual(['FEGORA_SECRET_PREFIX']);
  });

  it('has at most 128 characters, so that each name is one of Secrets Manager', () => {
    expect(secretPrefixPattern.test(`${'x'.repeat(127)}/`)).toBe(true);
    expect(secretPrefixPattern.test('fegora/dev/\n')).toBe(false);
  });
});

describe('the variable FEGORA_SECRET_ARN_START', () => {
  const start = { FEGORA_SECRET_ARN_START: arn.slice(0, -1) };

  it('completes ARNs that begin with a colon', () => {
    expect(accountsOf({ ...start, FEGORA_ACCOUNTS: '{"one":":Generated-1-AbCdEf"}' })).toEqual({
      one: `${arn}Generated-1-AbCdEf`,
    });
  });

  it.each([
    ['an ARN that has no beginning', {}, ':Generated-AbCdEf'],
    ['an ARN without its six characters', start, ':Generated'],
    ['a second colon', start, ':a:Generated-AbCdEf'],
    ['nothing after the colon', start, ':'],
  ])('does not make a secret id of %s', (_name, env, value) => {
    expect(faulty({ ...env, FEGORA_ACCOUNTS: JSON.stringify({ one: value }) })).toEqual(['FEGORA_ACCOUNTS']);
  });

  it.each([arn, 'arn:aws:secretsmanager:us-east-1::secret', 'arn:aws:kms:us-east-1:000000000000:secret', ''])(
    'may not be "%s"',
    (value) => {
      expect(faulty({ FEGORA_SECRET_ARN_START: value })).toEqual(['FEGORA_SECRET_ARN_START']);
    },
  );
});

describe('accounts whose ids look like ends of ARNs', () => {
  it.each([
    ['fegora/dev/tienda', 'fegora/dev/tienda-centro', false],
    ['fegora/dev/tienda', `${arn}fegora/dev/tienda-centro-AbCdEf`, false],
    ['fegora/dev/tienda-centro', `${arn}fegora/dev/tienda-centro-AbCdEf`, true],
    ['fegora/dev/tienda-centro', `${arn}fegora/dev/tienda-AbCdEf`, false],
  ])('the secrets %s and %s are the same: %s', (one, other, same) => {
    expect(isSameSecret(one, other)).toBe(same);
  });
});

describe('the variable FEGORA_OPEN_ACCOUNTS', () => {
  const open = { FEGORA_OPEN_ACCOUNTS: '1', FEGORA_SECRET_PREFIX: 'fegora/dev/' };

  it('goes together with accounts and without any, and needs the prefix', () => {
    expect(faulty({ ...named, ...open })).toEqual([]);
    expect(accountsOf({ ...open, FEGORA_ACCOUNTS: undefined })).toEqual({});
    expect(faulty({ FEGORA_OPEN_ACCOUNTS: '1' })).toEqual(['FEGORA_SECRET_PREFIX']);
  });

  it.each(['', 'true', '2', ' 1'])('may not be «%s»', (value) => {
    expect(faulty({ ...named, FEGORA_OPEN_ACCOUNTS: value })).toEqual(['FEGORA_OPEN_ACCOUNTS']);
  });

  it.each([
    ['name', 'fegora/dev/tienda-1'],
    ['ARN', 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fegora/dev/tienda-1-AbCdEf'],
  ])('makes no account of an id if a listed account has the secret of its name, by its %s', (_, secretId) => {
    const secrets = withOpenAccounts(new Map([['main', secretId]]), 'fegora/dev/');
    expect(['main', 'tienda-1', 'tienda-1-AbCdEf'.toLowerCase(), 'tienda'].map(secrets.get)).toEqual([
      secretId,
      undefined,
      'fegora/dev/tienda-1-abcdef',
      'fegora/dev/tienda',
    ]);
  });

  it('makes an account of every id of the right form, and leaves the listed ones as they are', () => {
    const listed = new Map([['main', 'of-old']]);
    const ids = ['main', 'tienda-1', 'Tienda-1', 'a/b', '', 'x'.repeat(64)];
    const none = ids.map(() => undefined);
    const secrets = withOpenAccounts(listed, 'fegora/dev/');
    expect(ids.map(secrets.get)).toEqual(['of-old', 'fegora/dev/tienda-1', ...none.slice(2)]);
    expect(ids.map(secrets.has)).toEqual([true, true, ...none.slice(2).map(() => false)]);
    expect(ids.map(withOpenAccounts(listed, undefined).get)).toEqual(['of-old', ...none.slice(1)]);
  });
});
