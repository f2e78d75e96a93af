import { describe, expect, test } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { optionsFrom, parseGatewayOptions, parseInvokeOptions } from '../../../client/options.ts';
import { keys } from '../../support/client/broker.ts';

const endpoint = 'https://abc123.execute-api.us-east-2.amazonaws.com/prod';

describe('region', () => {
  test.each([
    ['https://abc123.execute-api.us-east-2.amazonaws.com/prod', 'us-east-2'],
    ['https://abc123-vpce-1.execute-api.sa-east-1.amazonaws.com/prod', 'sa-east-1'],
    ['https://vpce-1-2.execute-api.sa-east-1.vpce.amazonaws.com/prod', 'sa-east-1'],
    ['https://tokens.example.com', 'eu-west-1'],
    ['https://tokens.execute-api.us-east-2.amazonaws.com.example.com', 'eu-west-1'],
  ])('takes the region of endpoint %s: %s', (url, region) => {
    expect(parseGatewayOptions({ endpoint: url }, { AWS_REGION: 'eu-west-1' }).region).toBe(region);
  });

  test('takes the region of the options when there is one', () => {
    expect(parseGatewayOptions({ endpoint, region: 'us-west-1' }, {}).region).toBe('us-west-1');
  });

  test.each(['us-east', 'us east', 'us-east-1\r', 'example.com/', 'US-EAST-1'])(
    'throws for %j, which is not a region',
    (region) => {
      expect(() => parseGatewayOptions({ endpoint, region }, {})).toThrow(/^region: ".*" is not a region of AWS/);
      expect(() => parseInvokeOptions({ functionName: 'f', account: 'a' }, { AWS_REGION: region })).toThrow(
        /^region: "/,
      );
    },
  );

  test('throws when no source has a region', () => {
    expect(() => parseGatewayOptions({ endpoint: 'https://tokens.example.com' }, {})).toThrow(/^region:/);
  });
});

describe('endpoint', () => {
  test.each([
    ['', 'not a URL with https'],
    ['tokens.example.com', 'not a URL with https'],
    ['ftp://127.0.0.1', 'not a URL with https'],
    ['http://tokens.example.com/v1', 'http to tokens.example.com can be read'],
    ['http://host.docker.internal:4010', 'http to host.docker.internal can be read'],
    ['http://127.0.0.1.example.com', 'http to 127.0.0.1.example.com can be read'],
    ['https://a:not-a-password@tokens.example.com', 'has a user or a password'],
    ['http://not-a-password@127.0.0.1', 'has a user or a password'],
  ])('promise 57: refuses "%s", and says what is wrong without the password', (url, fault) => {
    const parse = () => parseGatewayOptions({ endpoint: url, region: 'us-east-2' }, {});

    expect(parse).toThrow(new RegExp(`^endpoint: .*${fault}`));
    expect(parse).not.toThrow(/not-a-password/);
  });

  test.each(['http://127.0.0.1:4010', 'http://localhost:1/prod', 'http://[::1]:1'])(
    'accepts the loopback URL %s',
    (url) => {
      expect(parseGatewayOptions({ endpoint: new URL(url), region: 'us-east-2' }, {}).endpoint.href).toContain(url);
    },
  );

  test('throws when the client is created, not at the first call', () => {
    expect(() => createTokenClient({ endpoint: 'http://tokens.example.com' })).toThrow(TypeError);
    expect(() => createTokenClient({ functionName: '', account: 'a' })).toThrow(TypeError);
  });
});

test.each(['', 'A', 'a/b', '-a', 'a'.repeat(64), '..'])('refuses account "%s"', (account) => {
  expect(() => parseGatewayOptions({ endpoint, account }, {})).toThrow(/^account:/);
  expect(() => parseInvokeOptions({ functionName: 'broker', account }, {})).toThrow(/^account:/);
});

test('refuses the account undefined, which would mean the default account', () => {
  const options = Object.assign({ endpoint, region: 'us-east-2' }, { account: undefined });

  // @ts-expect-error: a caller in JavaScript can pass this
  expect(() => parseGatewayOptions(options, {})).toThrow(/^account:/);
});

describe('credentials', () => {
  test('reads the keys of the environment at every call', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKIDONE', AWS_SECRET_ACCESS_KEY: 'not-a-real-key', AWS_SESSION_TOKEN: 'one' };
    const { credentials } = parseGatewayOptions({ endpoint }, env);
    const first = await credentials();
    Object.assign(env, { AWS_ACCESS_KEY_ID: 'AKIDTWO', AWS_SESSION_TOKEN: 'two' });

    expect([first, await credentials()]).toEqual([
      { accessKeyId: 'AKIDONE', secretAccessKey: 'not-a-real-key', sessionToken: 'one' },
      { accessKeyId: 'AKIDTWO', secretAccessKey: 'not-a-real-key', sessionToken: 'two' },
    ]);
  });

  test('rejects with aws_credentials when the environment has no keys', async () => {
    await expect(parseGatewayOptions({ endpoint }, {}).credentials()).rejects.toMatchObject({
      code: 'aws_credentials',
    });
  });

  test('uses the keys and the providers of the options unchanged', async () => {
    await expect(parseGatewayOptions({ endpoint, credentials: keys }, {}).credentials()).resolves.toEqual(keys);
    await expect(parseGatewayOptions({ endpoint, credentials: async () => keys }, {}).credentials()).resolves.toEqual(
      keys,
    );
    const { credentials } = parseInvokeOptions(
      { functionName: 'b', account: 'a', credentials: keys },
      { AWS_REGION: 'us-east-1' },
    );
    await expect(credentials()).resolves.toEqual(keys);
  });
});

describe('direct invocation', () => {
  const functionName = 'arn:aws:lambda:eu-west-1:123456789012:function:broker';
  const invoke = (region: string, env = {}) =>
    parseInvokeOptions({ functionName: 'broker', account: 'a', region }, env);

  test('takes the region from the function’s ARN, then from the environment', () => {
    const account = 'a';
    const env = { AWS_REGION: 'us-east-2' };

    expect(parseInvokeOptions({ functionName, account }, env).region).toBe('eu-west-1');
    expect(parseInvokeOptions({ functionName: 'broker', account }, env).region).toBe('us-east-2');
    expect(parseInvokeOptions({ functionName, account, region: 'us-west-2' }, env).region).toBe('us-west-2');
    expect(() => parseInvokeOptions({ functionName: 'broker', account }, {})).toThrow(/^region:/);
  });

  test.each([
    ['us-east-1', 'https://lambda.us-east-1.amazonaws.com/'],
    ['us-gov-west-1', 'https://lambda.us-gov-west-1.amazonaws.com/'],
    ['cn-north-1', 'https://lambda.cn-north-1.amazonaws.com.cn/'],
    ['eusc-de-east-1', 'https://lambda.eusc-de-east-1.amazonaws.eu/'],
  ])('calls Lambda in %s at %s', (region, href) => {
    expect(invoke(region).endpoint.href).toBe(href);
  });

  test('calls the endpoint that AWS’s variables name, the one of the service first', () => {
    const both = { AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:1', AWS_ENDPOINT_URL: 'http://127.0.0.1:2' };

    expect(invoke('us-east-1', both).endpoint.href).toBe('http://127.0.0.1:1/');
    expect(invoke('us-east-1', { ...both, AWS_ENDPOINT_URL_LAMBDA: '' }).endpoint.href).toBe('http://127.0.0.1:2/');
  });

  test.each(['http://example.com:4566', 'https://example.com', 'https://lambda.us-east-1.amazonaws.com.example.com'])(
    'promise 57: sends no signature to %s, which AWS_ENDPOINT_URL names',
    (url) => {
      expect(() => invoke('us-east-1', { AWS_ENDPOINT_URL: url })).toThrow(/^AWS_ENDPOINT_URL: .*example.com/);
    },
  );

  test('calls Lambda through the VPC endpoint that a variable names', () => {
    const url = 'https://vpce-1-2.lambda.us-east-1.vpce.amazonaws.com';

    expect(invoke('us-east-1', { AWS_ENDPOINT_URL_LAMBDA: url }).endpoint.href).toBe(`${url}/`);
  });
});

describe('without options', () => {
  test.each([
    [{ FEGORA_BROKER_ENDPOINT: 'https://example.com/v1' }, { endpoint: 'https://example.com/v1' }],
    [
      { FEGORA_BROKER_ENDPOINT: 'https://example.com/v1', FEGORA_BROKER_ACCOUNT: 'main' },
      { endpoint: 'https://example.com/v1', account: 'main' },
    ],
    [
      { FEGORA_BROKER_FUNCTION: 'broker', FEGORA_BROKER_ACCOUNT: 'main' },
      { functionName: 'broker', account: 'main' },
    ],
  ])('reads %j', (env, options) => {
    expect(optionsFrom(env)).toEqual(options);
  });

  test.each([{}, { FEGORA_BROKER_FUNCTION: 'broker' }, { FEGORA_BROKER_ACCOUNT: 'main' }])(
    'says which variables are missing in %j',
    (env) => {
      expect(() => optionsFrom(env)).toThrow(/FEGORA_BROKER_ENDPOINT.*FEGORA_BROKER_FUNCTION/);
    },
  );
});
