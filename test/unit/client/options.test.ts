import { describe, expect, test } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { parseGateway, parseInvocation } from '../../../client/options.ts';
import { keys } from '../../support/client/broker.ts';

const endpoint = 'https://abc123.execute-api.us-east-2.amazonaws.com/prod';

describe('region', () => {
  test.each([
    ['https://abc123.execute-api.us-east-2.amazonaws.com/prod', 'us-east-2'],
    ['https://abc123-vpce-1.execute-api.sa-east-1.amazonaws.com/prod', 'sa-east-1'],
    ['https://vpce-1-2.execute-api.sa-east-1.vpce.amazonaws.com/prod', 'sa-east-1'],
    ['https://tokens.example.com', 'eu-west-1'],
    ['https://tokens.execute-api.us-east-2.amazonaws.com.example.com', 'eu-west-1'],
  ])('%s: %s', (url, region) => {
    expect(parseGateway({ endpoint: url }, { AWS_REGION: 'eu-west-1' }).region).toBe(region);
  });

  test('the one given wins', () => {
    expect(parseGateway({ endpoint, region: 'us-west-1' }, {}).region).toBe('us-west-1');
  });

  test('none is a fault of the caller', () => {
    expect(() => parseGateway({ endpoint: 'https://tokens.example.com' }, {})).toThrow(/^region:/);
  });
});

describe('endpoint', () => {
  test.each([
    '',
    'tokens.example.com',
    'http://tokens.example.com',
    'ftp://127.0.0.1',
    'https://a:b@tokens.example.com',
  ])('"%s" is refused', (url) => {
    expect(() => parseGateway({ endpoint: url, region: 'us-east-2' }, {})).toThrow(/^endpoint:/);
  });

  test.each(['http://127.0.0.1:4010', 'http://localhost:1/prod', 'http://[::1]:1'])('%s is loopback', (url) => {
    expect(parseGateway({ endpoint: new URL(url), region: 'us-east-2' }, {}).endpoint.href).toContain(url);
  });

  test('faults show when the client is made, not at the first call', () => {
    expect(() => createTokenClient({ endpoint: 'http://tokens.example.com' })).toThrow(TypeError);
    expect(() => createTokenClient({ functionName: '', account: 'a' })).toThrow(TypeError);
  });
});

test.each(['', 'A', 'a/b', '-a', 'a'.repeat(64), '..'])('account "%s" is refused', (account) => {
  expect(() => parseGateway({ endpoint, account }, {})).toThrow(/^account:/);
  expect(() => parseInvocation({ functionName: 'broker', account })).toThrow(/^account:/);
});

test('an account that is named but absent is refused: it would be the default one', () => {
  const options = Object.assign({ endpoint, region: 'us-east-2' }, { account: undefined });

  // @ts-expect-error: what a caller without types can do
  expect(() => parseGateway(options, {})).toThrow(/^account:/);
});

describe('credentials', () => {
  test('those of the environment are read at every question', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKIDONE', AWS_SECRET_ACCESS_KEY: 'not-a-real-key', AWS_SESSION_TOKEN: 'one' };
    const { credentials } = parseGateway({ endpoint }, env);
    const first = await credentials();
    Object.assign(env, { AWS_ACCESS_KEY_ID: 'AKIDTWO', AWS_SESSION_TOKEN: 'two' });

    expect([first, await credentials()]).toEqual([
      { accessKeyId: 'AKIDONE', secretAccessKey: 'not-a-real-key', sessionToken: 'one' },
      { accessKeyId: 'AKIDTWO', secretAccessKey: 'not-a-real-key', sessionToken: 'two' },
    ]);
  });

  test('none in the environment is an error that says so', async () => {
    await expect(parseGateway({ endpoint }, {}).credentials()).rejects.toMatchObject({ code: 'aws_credentials' });
  });

  test('given keys and given providers are taken as they are', async () => {
    await expect(parseGateway({ endpoint, credentials: keys }, {}).credentials()).resolves.toEqual(keys);
    await expect(parseGateway({ endpoint, credentials: async () => keys }, {}).credentials()).resolves.toEqual(keys);
    expect(parseInvocation({ functionName: 'broker', account: 'a' }).credentials).toBeUndefined();
  });
});
