// Tests the token table and its policy (infra/resources/table.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { statementsOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');

test('the table is on demand, encrypted with the key of the broker, protected from deletion, and never copied', () => {
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

test('the function may read and update every item, because a Fegora user has an item with a key of its own', () => {
  const [allowed, ...others] = statementsOf(minimal).filter(
    ({ effect, actions }) => effect === 'Allow' && actions.some((action) => action.startsWith('dynamodb:')),
  );
  expect(others).toEqual([]);
  expect(allowed).toMatchObject({ actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], condition: '' });
});

test('the policy of the table denies every data action and every copy to other principals, and no action that administers it', () => {
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
    'dynamodb:CreateBackup',
    'dynamodb:DeleteItem',
    'dynamodb:EnableKinesisStreamingDestination',
    'dynamodb:ExportTableToPointInTime',
    'dynamodb:GetItem',
    'dynamodb:PartiQLDelete',
    'dynamodb:PartiQLInsert',
    'dynamodb:PartiQLSelect',
    'dynamodb:PartiQLUpdate',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:RestoreTableToPointInTime',
    'dynamodb:Scan',
    'dynamodb:UpdateItem',
  ]);
});
