// Tests the secrets, their policies and the warnings (infra/resources/secrets.ts). Grants are in token-broker.test.ts.
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import { statementsOf } from '../support/statements.ts';
import { arns, createApp, createStack, templateOf } from '../support/synth.ts';
import { createBroker, env } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');

describe('a secret that the stack creates', () => {
  test('a created secret has no value, outlives the stack, and is encrypted with the key of the broker', () => {
    minimal.resourceCountIs('AWS::SecretsManager::Secret', 1);
    minimal.hasResource('AWS::SecretsManager::Secret', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        GenerateSecretString: Match.absent(),
        SecretString: Match.absent(),
        Name: Match.absent(),
        KmsKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^BrokerKey'), 'Arn'] },
      },
    });
  });

  test('only the broker can read a created secret, and the policy of the secret denies no other action', () => {
    minimal.hasResourceProperties('AWS::SecretsManager::ResourcePolicy', {
      BlockPublicPolicy: true,
      ResourcePolicy: {
        Statement: [
          {
            Sid: 'ReadingForTheBrokerAlone',
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: ['secretsmanager:GetSecretValue', 'secretsmanager:ReplicateSecretToRegions'],
            Resource: '*',
            Condition: {
              ArnNotEquals: { 'aws:PrincipalArn': [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^BrokerRole'), 'Arn'] }] },
            },
          },
        ],
      },
    });
  });

  test('a created secret keeps its policy when the stack is deleted', () => {
    minimal.hasResource('AWS::SecretsManager::ResourcePolicy', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('only the administrator can write a created secret when the settings name an administrator', () => {
    full.hasResourceProperties('AWS::SecretsManager::ResourcePolicy', {
      ResourcePolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: ['secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
            Resource: '*',
            Condition: { ArnNotEquals: { 'aws:PrincipalArn': [arns.administrator] } },
          }),
          Match.objectLike({
            Effect: 'Allow',
            Action: [
              'secretsmanager:DescribeSecret',
              'secretsmanager:PutSecretValue',
              'secretsmanager:UpdateSecretVersionStage',
            ],
            Principal: { AWS: arns.administrator },
          }),
        ]),
      },
    });
  });
});

test('the stack changes nothing of an existing secret, and synth warns about its policy', () => {
  full.resourceCountIs('AWS::SecretsManager::Secret', 1);
  full.resourceCountIs('AWS::SecretsManager::ResourcePolicy', 1);
  expect(full.toJSON()).toSatisfy((template: unknown) => JSON.stringify(template).includes(arns.secret));
  const warnings = createStack(createApp(), 'full')
    .node.findAll()
    .flatMap(({ node }) => node.metadata.map(({ data }) => String(data)));
  expect(warnings).toContainEqual(expect.stringContaining('nit-2 exists already: its resource policy stays'));
});

describe('an administrator that is imported', () => {
  function grantTo(arn: string) {
    const stack = new Stack(createApp(), 'Stack', { env });
    const existing = { secretArn: arns.secret, secretKeyArn: arns.secretKey };
    const broker = createBroker(stack, { accounts: { main: {}, existing } });
    broker.grantAdmin(Role.fromRoleArn(stack, 'Operators', arn));
    return { stack, broker };
  }

  test('promise 60: the policy of a created secret names it as a principal, because AWS then refuses an ARN without its path', () => {
    const { stack } = grantTo(`${arns.directCaller}-without-its-path`);
    const allows = statementsOf(Template.fromStack(stack)).filter(
      ({ type, effect }) => type === 'AWS::SecretsManager::ResourcePolicy' && effect === 'Allow',
    );
    expect(allows.flatMap(({ principals }) => principals)).toEqual([`${arns.directCaller}-without-its-path`]);
  });

  test('promise 60: synth warns that a role of another AWS account gets no right on an existing secret', () => {
    expect(warningsOf(grantTo(arns.foreignCaller).broker)).toContainEqual(
      expect.stringContaining(`existing exists already: ${arns.foreignCaller} gets no right to set it`),
    );
    expect(warningsOf(grantTo(arns.directCaller).broker).join()).not.toContain('gets no right');
  });
});
