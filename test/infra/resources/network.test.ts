// Tests the VPC of the function: subnets, security group and rights (infra/resources/network.ts).
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Peer, Port, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { expect, test } from 'vitest';
import type { TokenBrokerProps } from '../../../infra/index.ts';
import { statementsOf } from '../support/statements.ts';
import { createApp } from '../support/synth.ts';
import { createBroker, env, importVpc } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

function build(propsOf: (stack: Stack) => Partial<TokenBrokerProps>) {
  const stack = new Stack(createApp(), 'Stack', { env });
  const broker = createBroker(stack, propsOf(stack));
  return { stack, broker, template: () => Template.fromStack(stack) };
}

test('the function is in the private subnets with a way out by default, behind a group that only lets HTTPS out', () => {
  const template = build((stack) => ({ vpc: importVpc(stack) })).template();
  template.hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: {
      SubnetIds: ['subnet-private-a', 'subnet-private-b'],
      SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^BrokerSecurityGroup'), 'GroupId'] }],
    },
  });
  template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    VpcId: 'vpc-0123456789abcdef0',
    SecurityGroupIngress: Match.absent(),
    SecurityGroupEgress: [
      { CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443, IpProtocol: 'tcp', Description: Match.anyValue() },
    ],
  });
});

test('the security group also lets out the port of the token endpoint', () => {
  const template = build((stack) => ({
    vpc: importVpc(stack),
    tokenUrl: 'https://login.example.com:8443/token',
  })).template();
  template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    SecurityGroupEgress: [Match.objectLike({ FromPort: 443 }), Match.objectLike({ FromPort: 8443, ToPort: 8443 })],
  });
});

test('the function uses the security groups of the user when there are any, and the broker has connections', () => {
  const { broker, template } = build((stack) => ({
    vpc: importVpc(stack),
    securityGroups: [
      SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-0123456789abcdef0', { allowAllOutbound: false }),
    ],
  }));
  broker.connections.allowTo(Peer.ipv4('10.0.0.0/16'), Port.tcp(8080));
  template().hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: { SecurityGroupIds: ['sg-0123456789abcdef0'] },
  });
  template().resourceCountIs('AWS::EC2::SecurityGroup', 0);
  template().hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
    GroupId: 'sg-0123456789abcdef0',
    FromPort: 8080,
  });
});

test('the role can manage network interfaces only for Lambda, and its code cannot', () => {
  const statements = statementsOf(build((stack) => ({ vpc: importVpc(stack) })).template());
  const actions = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
  ];
  expect(statements.filter(({ sid }) => sid.startsWith('NetworkInterfaces'))).toMatchObject([
    { effect: 'Allow', actions, condition: '' },
    { effect: 'Deny', actions, condition: 'Null=lambda:SourceFunctionArn=false' },
  ]);
});

test('the role has no managed policy in a VPC', () => {
  const template = build((stack) => ({ vpc: importVpc(stack) })).template();
  template.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
});

test.each([
  ['public', SubnetType.PUBLIC],
  ['isolated', SubnetType.PRIVATE_ISOLATED],
])('the construct throws when the subnets are %s', (kind, subnetType) => {
  expect(() => build((stack) => ({ vpc: importVpc(stack), vpcSubnets: { subnetType } }))).toThrow(
    new RegExp(
      `^vpcSubnets: .* is ${kind}, so the function could not reach Fegora: select private subnets .*\\nvpcSubnets: `,
    ),
  );
});

test('the construct throws when the VPC has only isolated subnets, which the CDK selects by default', () => {
  const isolatedVpc = (stack: Stack) =>
    Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-0123456789abcdef0',
      availabilityZones: ['us-east-1a'],
      isolatedSubnetIds: ['subnet-isolated-a'],
    });
  expect(() => build((stack) => ({ vpc: isolatedVpc(stack) }))).toThrow('is isolated');
});

test('the construct warns when there is only one subnet', () => {
  const one = (stack: Stack) => {
    const vpc = importVpc(stack);
    return { vpc, vpcSubnets: { subnets: vpc.privateSubnets.slice(0, 1) } };
  };
  expect(warningsOf(build(one).broker)).toContainEqual(expect.stringContaining('only one subnet'));
  expect(warningsOf(build((stack) => ({ vpc: importVpc(stack) })).broker).join()).not.toContain('only one subnet');
});

test('the broker has no connections when the function is in no VPC', () => {
  const { broker } = build(() => ({}));
  expect(() => broker.connections).toThrow(/VPC/);
});
