// Tests which addresses get signed requests and passwords (cli/aws/endpoints.ts, client/endpoint.ts).
import { afterEach, describe, expect, test, vi } from 'vitest';
import { addAllowed, checkEndpoint } from '../../../../cli/aws/endpoints.ts';
import type { AwsService } from '../../../../client/endpoint.ts';

afterEach(() => vi.unstubAllEnvs());

describe('checkEndpoint', () => {
  test.each<[string, AwsService]>([
    ['https://secretsmanager.us-east-1.amazonaws.com', 'secretsmanager'],
    ['https://secretsmanager-fips.us-gov-west-1.amazonaws.com/', 'secretsmanager'],
    ['https://vpce-0a-1b.secretsmanager.sa-east-1.vpce.amazonaws.com', 'secretsmanager'],
    ['https://lambda.cn-north-1.amazonaws.com.cn', 'lambda'],
    ['https://lambda.eusc-de-east-1.amazonaws.eu', 'lambda'],
    ['https://lambda.us-east-1.api.aws', 'lambda'],
    ['https://lambda.us-isob-east-1.sc2s.sgov.gov', 'lambda'],
    ['https://sts.amazonaws.com', 'sts'],
    ['https://abc-vpce-1.execute-api.us-east-1.amazonaws.com/prod', 'execute-api'],
    ['http://127.0.0.1:4566', 'secretsmanager'],
    ['http://localhost:4566', 'lambda'],
    ['http://[::1]:4566', 'sts'],
  ])('promise 57: takes %s as %s', (url, service) => {
    expect(checkEndpoint({ url, from: 'X' }, service).href).toBe(new URL(url).href);
  });

  test.each<[string, AwsService]>([
    ['https://example.com', 'secretsmanager'],
    ['https://secretsmanager.us-east-1.amazonaws.com.example.com', 'secretsmanager'],
    ['https://amazonaws.com', 'secretsmanager'],
    // Hosts of customers of AWS: a bucket, a load balancer, a machine, an API, a function's URL, an endpoint service.
    ['https://secretsmanager.s3.amazonaws.com', 'secretsmanager'],
    ['https://secretsmanager-1.us-east-1.elb.amazonaws.com', 'secretsmanager'],
    ['https://ec2-192-0-2-1.compute-1.amazonaws.com', 'secretsmanager'],
    ['https://abc.execute-api.us-east-1.amazonaws.com', 'secretsmanager'],
    ['https://abc.lambda-url.us-east-1.on.aws', 'lambda'],
    ['https://vpce-1-2.vpce-svc-3.us-east-1.vpce.amazonaws.com', 'lambda'],
    ['https://lambda.us-east-1.amazonaws.com', 'secretsmanager'],
  ])('promise 57: refuses %s as %s until it is allowed', (url, service) => {
    const { origin } = new URL(url);
    expect(() => checkEndpoint({ url, from: 'AWS_ENDPOINT_URL' }, service)).toThrow(
      `nothing was sent: ${origin} (AWS_ENDPOINT_URL) is not an address of AWS’s ${service}; unset AWS_ENDPOINT_URL, or add --allow-endpoint ${origin}`,
    );
    expect(checkEndpoint({ url, from: 'X' }, service, [origin]).origin).toBe(origin);
    expect(() => checkEndpoint({ url, from: 'X' }, service, ['https://another.example'])).toThrow('nothing was sent');
  });

  test.each(['http://example.com:4566', 'http://10.0.0.1', 'http://lambda.us-east-1.amazonaws.com', 'http://0.0.0.0'])(
    'promise 57: never takes %s, because it is neither encrypted nor loopback',
    (url) => {
      expect(() => checkEndpoint({ url, from: 'X' }, 'lambda', [url])).toThrow('can be read on the network');
    },
  );

  test.each([
    ['', 'is not a URL with https'],
    ['not a url', 'is not a URL with https'],
    ['ftp://localhost', 'is not a URL with https'],
    ['http://127.0.0.1:99999', 'is not a URL with https and a port up to 65535'],
    ['https://user:not-a-real-password@example.com', 'has a user or a password in it'],
  ])('refuses "%s" and does not repeat it', (url, fault) => {
    const check = () => checkEndpoint({ url, from: 'X' }, 'lambda');
    expect(check).toThrow(`nothing was sent: X ${fault}`);
    expect(check).not.toThrow(/real|99999/);
  });
});

test('addAllowed takes origins with https only', () => {
  expect(addAllowed('https://b.example/path', ['https://a.example'])).toEqual([
    'https://a.example',
    'https://b.example',
  ]);
  expect(() => addAllowed('http://b.example')).toThrow('--allow-endpoint is not an https URL');
  expect(() => addAllowed('b.example')).toThrow('--allow-endpoint is not an https URL');
});
