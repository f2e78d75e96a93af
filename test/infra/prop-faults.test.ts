// Tests the faults of props (infra/prop-faults.ts). The faults of accounts are in token-broker.test.ts.
import { Fn, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Alias, Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import type { TokenBrokerProps } from '../../infra/index.ts';
import { arns, createApp } from './support/synth.ts';
import { createBroker, env, importDomain, importVpc } from './support/user-app.ts';

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

test('the construct refuses another renewal than password and refresh_token', () => {
  const renewWith = 'refresh' as 'password';
  expect(() => build(() => ({ renewWith }))).toThrow('renewWith: must be password or refresh_token');
  expect(() => build(() => ({ renewWith: 'refresh_token' }))).not.toThrow();
  expect(() => build(() => ({ renewWith: Fn.importValue('Mode') as 'password' }))).not.toThrow();
});

function importEndpoint(stack: Stack, vpcEndpointId = 'vpce-0123456789abcdef0') {
  return InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'Endpoint', { vpcEndpointId, port: 443 });
}

function elsewhere(stack: Stack) {
  return new Stack(stack, 'Elsewhere', { env: { ...env, region: 'us-west-2' } });
}

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
      vpcEndpoints: [importEndpoint(stack)],
    }),
    'domainName: a private API has no public name: remove domainName or vpcEndpoints',
  ],
  [
    'a topic without alarms',
    (stack) => ({ alarms: false, alarmTopic: Topic.fromTopicArn(stack, 'Topic', arns.topic) }),
    'alarmTopic: has no effect without alarms: remove one of the two',
  ],
  ['a threshold of 0', () => ({ alarms: { Denied: 0 } }), 'alarms.Denied: must be false, or a threshold above 0'],
  [
    'a percentage in place of a share',
    () => ({ alarms: { CallsFail: 5 } }),
    'alarms.CallsFail: must be false, or a threshold above 0 and at most 1, the share of calls',
  ],
  [
    'an unknown alarm',
    // In JavaScript, a spelling mistake is not a type error.
    () => ({ alarms: JSON.parse('{"CalsFail": 3}') }),
    'alarms.CalsFail: is not an alarm: check its spelling',
  ],
  [
    'an alias in place of a key',
    (stack) => ({ encryptionKey: Alias.fromAliasName(stack, 'Alias', 'alias/tokens') }),
    'encryptionKey: is an alias, and a right on an alias does not cover its key: pass the key',
  ],
  [
    'an alias of the app in place of a key',
    (stack) => ({ encryptionKey: new Key(stack, 'Key').addAlias('tokens') }),
    'encryptionKey: is an alias',
  ],
  [
    'a key that another stack makes in another region',
    (stack) => ({ encryptionKey: new Key(elsewhere(stack), 'Key') }),
    'encryptionKey: is in us-west-2, but the stack is in us-east-1',
  ],
  [
    'a certificate that another stack makes in another region',
    (stack) => ({
      domainName: {
        name: 'a.example.com',
        certificate: new Certificate(elsewhere(stack), 'C', { domainName: 'a.example.com' }),
      },
    }),
    'domainName.certificate: is in us-west-2, but the stack is in us-east-1',
  ],
  [
    'the id of a VPC as that of an endpoint',
    (stack) => ({ vpcEndpoints: [importEndpoint(stack, 'vpc-0123456789abcdef0')] }),
    'vpcEndpoints[0]: vpc-0123456789abcdef0 is not the id of a VPC endpoint',
  ],
  [
    'an endpoint for another service',
    (stack) => {
      const service = InterfaceVpcEndpointAwsService.SECRETS_MANAGER;
      return {
        vpcEndpoints: [new InterfaceVpcEndpoint(stack, 'Other', { vpc: importVpc(stack), service, open: false })],
      };
    },
    'vpcEndpoints[0]: Stack/Other is an endpoint for com.amazonaws.us-east-1.secretsmanager: pass one for execute-api',
  ],
  [
    'a gateway endpoint',
    (stack) => {
      const [vpc, service] = [new Vpc(stack, 'Vpc'), GatewayVpcEndpointAwsService.S3];
      return { vpcEndpoints: [importEndpoint(stack), vpc.addGatewayEndpoint('S3', { service })] };
    },
    'vpcEndpoints[1]: Stack/Vpc/S3 is an endpoint for',
  ],
  [
    'a secret of another AWS account without its key',
    () => ({ accounts: { main: { secretArn: arns.secret.replace('111111111111', '222222222222') } } }),
    'accounts.main.secretArn: is in the AWS account 222222222222, whose AWS managed key no other account can use',
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

test('the construct accepts an endpoint for API Gateway, a secret with its key, and ARNs known only at deployment', () => {
  const service = InterfaceVpcEndpointAwsService.APIGATEWAY;
  const secretArn = arns.secret.replace('111111111111', '222222222222');
  const propsOf = (stack: Stack) => ({
    vpcEndpoints: [new InterfaceVpcEndpoint(stack, 'Endpoint', { vpc: importVpc(stack), service, open: false })],
    accounts: {
      main: { secretArn, secretKeyArn: arns.secretKey.replace('111111111111', '222222222222') },
      other: { secretArn: Fn.importValue('SecretArn') },
    },
    encryptionKey: Key.fromKeyArn(stack, 'Key', Fn.importValue('KeyArn')),
  });
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
