// Tests props out of their range (infra/range-faults.ts), and what JavaScript lets pass.
import { Duration, SecretValue, Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, test } from 'vitest';
import { TokenBroker, type TokenBrokerProps } from '../../infra/index.ts';
import { createApp } from './support/synth.ts';
import { createBroker, env } from './support/user-app.ts';

function build(propsOf: (stack: Stack) => Partial<TokenBrokerProps>) {
  const stack = new Stack(createApp(), 'Stack', { env });
  return createBroker(stack, propsOf(stack));
}

test.each<[Partial<TokenBrokerProps>, string]>([
  [{ tokenUrl: 'http://api.fegora.com/token' }, 'tokenUrl: must be an https URL'],
  [{ tokenUrl: 'fegora' }, 'tokenUrl: must be an https URL'],
  [{ tokenUrl: 'https://user:not-a-real-password@fegora.invalid/token' }, 'tokenUrl: must be an https URL'],
  [{ vpcEndpoints: [] }, 'vpcEndpoints: must have at least one endpoint'],
  [{ warmUpEvery: Duration.minutes(30) }, 'warmUpEvery: must be whole minutes, from 1 to 10'],
  [{ warmUpEvery: Duration.seconds(90) }, 'warmUpEvery: must be whole minutes, from 1 to 10'],
  // @ts-expect-error: JavaScript can pass it
  [{ apiGatewayLogging: 'on' }, 'apiGatewayLogging: must be account-has-role, create-role, off'],
  [{ provisionedConcurrency: 5, reservedConcurrency: 5 }, 'provisionedConcurrency: must be lower'],
  [{ warmUpsAtOnce: 9 }, 'warmUpsAtOnce: must be a whole number from 10 to 5000'],
  [
    { accounts: { main: { keepWarm: 'in-use' } }, warmUpsAtOnce: false },
    'warmUpsAtOnce: must be a whole number from 10 to 5000, or false if no account has keepWarm: in-use',
  ],
  [{ warmUpsAtOnce: 100, reservedConcurrency: 20 }, 'reservedConcurrency: must be higher than 20, the invocations'],
  [{ openAccounts: true, reservedConcurrency: 10 }, 'reservedConcurrency: must be higher than 10, the invocations'],
  [{ organizationId: 'x' }, 'organizationId: must be the id of an AWS organisation'],
  [
    { throttle: { ratePerSecond: -1, burst: 0 } },
    'throttle.ratePerSecond: must be at least 1\nthrottle.burst: must be',
  ],
])('the construct refuses %o', (props, fault) => {
  expect(() => build(() => props)).toThrow(fault);
});

test.each<[Partial<TokenBrokerProps>]>([
  [{ tokenUrl: 'https://fegora.invalid/token', warmUpEvery: Duration.minutes(10), organizationId: 'o-0123456789' }],
  [{ provisionedConcurrency: 4, reservedConcurrency: 5, throttle: { ratePerSecond: 1, burst: 1 } }],
  [{ openAccounts: true, warmUpsAtOnce: false, reservedConcurrency: 2 }],
])('the construct accepts %o', (props) => {
  expect(() => build(() => props)).not.toThrow();
});

test.each([undefined, null, 'main', ['main']])('the construct says what accounts must be, given %o', (accounts) => {
  const stack = new Stack(createApp(), 'Stack', { env });

  // @ts-expect-error: JavaScript can pass it
  expect(() => new TokenBroker(stack, 'Broker', { accounts })).toThrow('accounts: must be an object');
});

test('the construct takes a secret and a key that the same app creates', () => {
  const props = (stack: Stack): Partial<TokenBrokerProps> => {
    const key = new Key(stack, 'OwnKey');
    const secret = new Secret(stack, 'Own', {
      encryptionKey: key,
      secretStringValue: SecretValue.unsafePlainText('not-a-real-secret'),
    });
    return { accounts: { main: { secretArn: secret.secretArn, secretKeyArn: key.keyArn } } };
  };

  expect(() => build(props)).not.toThrow();
});

test('the construct lets the CDK look a VPC up, though its subnets are not known before', () => {
  expect(() =>
    build((stack) => ({ vpc: Vpc.fromLookup(stack, 'Vpc', { vpcId: 'vpc-0123456789abcdef0' }) })),
  ).not.toThrow();
});
