import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { statementsOf } from './support/statements.ts';
import { arns, createApp, createStack, templateOf } from './support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');

/** All that a principal may do that only holds the broker's role. */
function rightsOfBroker(template: Template) {
  return statementsOf(template).filter(({ logicalId }) => logicalId.startsWith('BrokerRoleDefaultPolicy'));
}

describe('secrets', () => {
  test('are made without any value, kept when the stack goes, and encrypted with our key', () => {
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

  test('are read by the broker alone, and no policy locks administrators out of the rest', () => {
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

  test('keep their policy as long as they are kept', () => {
    minimal.hasResource('AWS::SecretsManager::ResourcePolicy', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('are written by the administrator alone, once there is one', () => {
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
            Action: ['secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue'],
            Principal: { AWS: arns.administrator },
          }),
        ]),
      },
    });
  });

  test('that exist already are used as they are, and synth says that their policy is not ours', () => {
    full.resourceCountIs('AWS::SecretsManager::Secret', 1);
    full.resourceCountIs('AWS::SecretsManager::ResourcePolicy', 1);
    expect(full.toJSON()).toSatisfy((template: unknown) => JSON.stringify(template).includes(arns.secret));
    const warnings = createStack(createApp(), 'full')
      .node.findAll()
      .flatMap(({ node }) => node.metadata.map(({ data }) => String(data)));
    expect(warnings).toContainEqual(expect.stringContaining('nit-2 exists already: its resource policy stays'));
  });
});

test('both logs are kept, unless the first deployment fails', () => {
  minimal.allResources('AWS::Logs::LogGroup', {
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
  });
});

describe('the table', () => {
  test('is on demand, encrypted with our key, protected, and copied nowhere', () => {
    minimal.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        KeySchema: [{ AttributeName: 'account', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'account', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        SSESpecification: {
          SSEEnabled: true,
          SSEType: 'KMS',
          KMSMasterKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^BrokerKey'), 'Arn'] },
        },
        TableName: Match.absent(),
        StreamSpecification: Match.absent(),
        TimeToLiveSpecification: Match.absent(),
        PointInTimeRecoverySpecification: Match.absent(),
      },
    });
  });

  test('denies every data action to everybody else, and nothing that administers it', () => {
    const [denial, ...others] = statementsOf(minimal).filter(({ type }) => type === 'AWS::DynamoDB::Table');
    expect(others).toEqual([]);
    expect(denial).toMatchObject({
      effect: 'Deny',
      principals: ['*'],
      condition: 'ArnNotEquals=aws:PrincipalArn={BrokerRole4C55516F.Arn}',
    });
    expect(denial?.actions).toEqual([
      'dynamodb:BatchGetItem',
      'dynamodb:BatchWriteItem',
      'dynamodb:ConditionCheckItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PartiQLDelete',
      'dynamodb:PartiQLInsert',
      'dynamodb:PartiQLSelect',
      'dynamodb:PartiQLUpdate',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:Scan',
      'dynamodb:UpdateItem',
    ]);
  });
});

describe('the key', () => {
  const policy = statementsOf(minimal).filter(({ type }) => type === 'AWS::KMS::Key');

  test('is one, rotates, and is kept', () => {
    minimal.resourceCountIs('AWS::KMS::Key', 1);
    minimal.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true },
    });
  });

  test('can be administered through IAM by those who cannot use it', () => {
    const administration = policy.find(({ sid }) => sid === 'AdministerByIam');
    expect(administration?.actions).toEqual(
      expect.arrayContaining(['kms:PutKeyPolicy', 'kms:DescribeKey', 'kms:ScheduleKeyDeletion']),
    );
    expect(administration?.actions.filter((action) => /crypt|DataKey|CreateGrant|Sign|Mac/.test(action))).toEqual([]);
  });

  test('has grants from Secrets Manager and DynamoDB alone, without which DynamoDB makes no table', () => {
    const services = ['dynamodb', 'secretsmanager'].map((name) => `${name}.{AWS::Region}.{AWS::URLSuffix}`).join(', ');
    expect(policy.filter(({ actions }) => actions.includes('kms:CreateGrant'))).toMatchObject([
      {
        effect: 'Allow',
        actions: ['kms:CreateGrant'],
        condition: `StringEquals=kms:ViaService=${services}, Bool=kms:GrantIsForAWSResource=true`,
      },
    ]);
  });

  test('is used through Secrets Manager and DynamoDB alone', () => {
    const uses = statementsOf(full).filter(({ actions }) =>
      actions.some((action) => /^kms:.*(crypt|DataKey|CreateGrant)/.test(action)),
    );
    expect(uses).not.toEqual([]);
    for (const { condition } of uses) {
      expect(condition).toMatch(/kms:ViaService=(dynamodb|secretsmanager)\.\{AWS::Region\}/);
    }
  });
});

describe('the role', () => {
  test('may read its secrets, read and update items, use the key for both, write its log, and nothing else', () => {
    expect(rightsOfBroker(minimal).map(({ actions, resources }) => [actions, resources])).toEqual([
      [['secretsmanager:GetSecretValue'], ['{BrokerCredentialsmainFD0BF075}']],
      [['kms:Decrypt'], ['{BrokerKey91C64100.Arn}']],
      [['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['{BrokerTable12E1B8B9.Arn}']],
      [
        [
          'kms:Decrypt',
          'kms:DescribeKey',
          'kms:Encrypt',
          'kms:GenerateDataKey',
          'kms:GenerateDataKeyWithoutPlaintext',
          'kms:ReEncryptFrom',
          'kms:ReEncryptTo',
        ],
        ['{BrokerKey91C64100.Arn}'],
      ],
      [['logs:CreateLogStream', 'logs:PutLogEvents'], ['{BrokerFunctionLogB602906B.Arn}:*']],
    ]);
  });

  test('may decrypt an existing secret with the key that encrypts it', () => {
    const decryption = rightsOfBroker(full).filter(
      ({ actions, condition }) =>
        actions.length === 1 && actions[0] === 'kms:Decrypt' && condition.includes('secretsmanager.'),
    );
    expect(decryption.flatMap(({ resources }) => resources)).toContain(arns.secretKey);
  });

  test('has no managed policy', () => {
    minimal.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
  });
});
