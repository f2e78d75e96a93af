// Tests the faults of props (infra/prop-faults.ts). The faults of accounts are in token-broker.test.ts.
import { Fn, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { InterfaceVpcEndpoint, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import type { TokenBrokerProps } from '../../infra/index.ts';
import { arns, createApp } from './support/synth.ts';
import { createBroker, env, importDomain } from './support/user-app.ts';

function build(propsOf: (stack: Stack) => Partial<TokenBrokerProps>, region: string = env.region) {
  const stack = new Stack(createApp(), 'Stack', { env: { ...env, region } });
  return createBroker(stack, propsOf(stack));
}

test.each([0, 251, 1.5, Number.NaN, -3, Number.POSITIVE_INFINITY])(
  'the construct refuses a budget of %d logins',
  (count) => {
    expect(() => build(() => ({ loginBudget: { perHour: count, perDay: count } }))).toThrow(
      'loginBudget.perHour: must be a whole number from 1 to 250\nloginBudget.perDay: must be a whole number from 1 to 250',
    );
  },
);

test.each([1, 250])('the construct accepts a budget of %d logins', (count) => {
  expect(() => build(() => ({ loginBudget: { perHour: count, perDay: count } }))).not.toThrow();
});

test('the construct accepts a budget that is known only at deployment', () => {
  const count = Token.asNumber(Fn.importValue('Budget'));
  expect(() => build(() => ({ loginBudget: { perHour: count, perDay: count } }))).not.toThrow();
});

const endpoint = { vpcEndpointId: 'vpce-0123456789abcdef0', port: 443 };

test.each<[string, (stack: Stack) => Partial<TokenBrokerProps>, string]>([
  [
    'subnets without a VPC',
    () => ({ vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS } }),
    'vpcSubnets: has no effect without vpc: add vpc, or remove it',
  ],
  ['security groups without a VPC', () => ({ securityGroups: [] }), 'securityGroups: has no effect without vpc'],
  [
    'a host name with a wildcard',
    (stack) => ({ domainName: { ...importDomain(stack), name: '*.example.com' } }),
    'domainName: the name must be a host name in lower case, without a wildcard',
  ],
  [
    'a host name of a private API',
    (stack) => ({
      domainName: importDomain(stack),
      vpcEndpoints: [InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'Endpoint', endpoint)],
    }),
    'domainName: a private API has no public name: remove domainName or vpcEndpoints',
  ],
  [
    'a topic without alarms',
    (stack) => ({ alarms: false, alarmTopic: Topic.fromTopicArn(stack, 'Topic', arns.topic) }),
    'alarmTopic: has no effect without alarms: remove one of the two',
  ],
  ['a threshold of 0', () => ({ alarms: { CallsFail: 0 } }), 'alarms.CallsFail: must be false, or a threshold above 0'],
  [
    'an unknown alarm',
    // In JavaScript, a spelling mistake is not a type error.
    () => ({ alarms: JSON.parse('{"CalsFail": 3}') }),
    'alarms.CalsFail: is not an alarm: check its spelling',
  ],
  [
    'a removal policy that some of its resources do not have',
    () => ({ removalPolicy: RemovalPolicy.SNAPSHOT }),
    'removalPolicy: must be RemovalPolicy.RETAIN or RemovalPolicy.DESTROY',
  ],
])('the construct refuses %s', (_, propsOf, fault) => {
  expect(() => build(propsOf)).toThrow(fault);
});

test('the construct refuses a key and a certificate of another region', () => {
  const propsOf = (stack: Stack) => ({
    encryptionKey: Key.fromKeyArn(stack, 'Key', arns.secretKey),
    domainName: importDomain(stack),
  });
  const fault = 'is in us-east-1, but the stack is in eu-west-1: both must be in the same region';
  expect(() => build(propsOf, 'eu-west-1')).toThrow(`encryptionKey: ${fault}\ndomainName.certificate: ${fault}`);
  expect(() => build(propsOf)).not.toThrow();
});

test.each(['us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1'])(
  'the construct refuses %s, which has no way to Fegora',
  (region) => {
    expect(() => build(() => ({}), region)).toThrow(`env.region: ${region} has no way to the internet`);
  },
);

test.each(['cn-north-1', 'us-gov-west-1', 'eusc-de-east-1', 'mx-central-1'])('the construct accepts %s', (region) => {
  expect(() => build(() => ({}), region)).not.toThrow();
});
