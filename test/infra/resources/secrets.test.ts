// Tests the secrets, their policies and the warnings (infra/resources/secrets.ts). Grants are in token-broker.test.ts.
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { arns, createApp, createStack, templateOf } from '../support/synth.ts';

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
