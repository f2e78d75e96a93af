// Tests what the settings name by id or ARN, in the stack (infra/resources/existing.ts and stack.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { asJson } from '../support/statements.ts';
import { arns, createApp, createStack, templateOf } from '../support/synth.ts';
import { warningsOf } from '../support/warnings.ts';

const template = templateOf('network');

test('the function is in the subnets of the settings', () => {
  template.hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: { SubnetIds: ['subnet-01234567', 'subnet-89abcdef'] },
  });
  template.hasResourceProperties('AWS::EC2::SecurityGroup', { VpcId: 'vpc-01234567' });
});

test('the API has the host name of the settings, with its certificate and its record', () => {
  template.hasResourceProperties('AWS::ApiGateway::DomainName', {
    DomainName: 'tokens.example.com',
    RegionalCertificateArn: arns.certificate,
  });
  template.hasResourceProperties('AWS::Route53::RecordSet', {
    Name: 'tokens.example.com.',
    HostedZoneId: 'Z0123456789',
  });
  const outputs = asJson(template.toJSON().Outputs);
  expect(outputs.Url).toEqual({ Value: 'https://tokens.example.com/' });
  expect(outputs).toHaveProperty('DomainTarget');
});

test('the key of the settings encrypts the secrets and the table', () => {
  template.resourceCountIs('AWS::KMS::Key', 0);
  template.hasResourceProperties('AWS::DynamoDB::Table', { SSESpecification: { KMSMasterKeyId: arns.secretKey } });
});

test('the settings decide about removal, alarms and traces', () => {
  template.hasResource('AWS::DynamoDB::Table', { DeletionPolicy: 'Delete' });
  template.resourceCountIs('AWS::CloudWatch::Alarm', 19);
  template.hasResourceProperties('AWS::ApiGateway::Stage', { TracingEnabled: true });
});

test('synth warns only about the policy of the imported key', () => {
  expect(warningsOf(createStack(createApp(), 'network'))).toEqual([
    expect.stringContaining('policy of the imported key'),
  ]);
});

test('a stack without these settings has none of these resources', () => {
  const minimal = templateOf('minimal');
  minimal.resourceCountIs('AWS::EC2::SecurityGroup', 0);
  minimal.resourceCountIs('AWS::ApiGateway::DomainName', 0);
  expect(asJson(minimal.toJSON().Outputs)).not.toHaveProperty('DomainTarget');
  minimal.hasResourceProperties('AWS::Lambda::Function', { VpcConfig: Match.absent() });
});
