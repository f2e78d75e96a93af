// Tests the key of the broker and its policy (infra/resources/key.ts).
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ArnPrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, test } from 'vitest';
import { statementsOf } from '../support/statements.ts';
import { arns, createApp, templateOf } from '../support/synth.ts';
import { createBroker, createFunction, env } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');
const policy = statementsOf(minimal).filter(({ type }) => type === 'AWS::KMS::Key');

test('the stack has one key, which rotates and outlives the stack', () => {
  minimal.resourceCountIs('AWS::KMS::Key', 1);
  minimal.hasResource('AWS::KMS::Key', {
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: { EnableKeyRotation: true },
  });
});

test('the policy of the key lets IAM allow its administration, and no action that uses the key', () => {
  const administration = policy.find(({ sid }) => sid === 'AdministerByIam');
  expect(administration?.actions).toEqual(
    expect.arrayContaining(['kms:PutKeyPolicy', 'kms:DescribeKey', 'kms:ScheduleKeyDeletion']),
  );
  expect(administration?.actions.filter((action) => /crypt|DataKey|CreateGrant|Sign|Mac/.test(action))).toEqual([]);
});

test('only Secrets Manager and DynamoDB can create grants on the key, which DynamoDB needs to create the table', () => {
  const services = ['dynamodb', 'secretsmanager'].map((name) => `${name}.{AWS::Region}.{AWS::URLSuffix}`).join(', ');
  expect(policy.filter(({ actions }) => actions.includes('kms:CreateGrant'))).toMatchObject([
    {
      effect: 'Allow',
      actions: ['kms:CreateGrant'],
      condition: `StringEquals=kms:ViaService=${services}, Bool=kms:GrantIsForAWSResource=true`,
    },
  ]);
});

test('every right to use the key is only valid through Secrets Manager or DynamoDB', () => {
  const uses = statementsOf(full).filter(({ actions }) =>
    actions.some((action) => /^kms:.*(crypt|DataKey|CreateGrant)/.test(action)),
  );
  expect(uses).not.toEqual([]);
  for (const { condition } of uses) {
    expect(condition).toMatch(/kms:ViaService=(dynamodb|secretsmanager)\.us-east-1\.\{AWS::URLSuffix\}/);
  }
});

describe('a key of the user', () => {
  /** Returns a broker with a key that the user has created, or imported by its ARN. */
  function build({ isImported = false } = {}) {
    const stack = new Stack(createApp(), 'Stack', { env });
    const encryptionKey = isImported ? Key.fromKeyArn(stack, 'Key', arns.secretKey) : new Key(stack, 'Key');
    return { stack, broker: createBroker(stack, { encryptionKey }), encryptionKey };
  }

  test('a key of the user encrypts the secrets and the table, and the stack creates no other key', () => {
    const { stack, broker, encryptionKey } = build();
    const template = Template.fromStack(stack);
    const arn = stack.resolve(encryptionKey.keyArn);
    template.resourceCountIs('AWS::KMS::Key', 1);
    template.hasResourceProperties('AWS::SecretsManager::Secret', { KmsKeyId: arn });
    template.hasResourceProperties('AWS::DynamoDB::Table', { SSESpecification: { KMSMasterKeyId: arn } });
    expect(broker.key).toBe(encryptionKey);
  });

  test('the policy of a created key gets the statements for use through the services, and synth does not warn', () => {
    const { stack, broker } = build();
    const sids = statementsOf(Template.fromStack(stack)).flatMap(({ type, sid }) =>
      type === 'AWS::KMS::Key' ? [sid] : [],
    );
    expect(sids).toEqual(['', 'UseByIamThroughServices', 'LetServicesHoldGrants']);
    expect(warningsOf(broker)).toEqual([]);
  });

  test('synth warns when the key is imported, because its policy cannot change', () => {
    const { stack, broker } = build({ isImported: true });
    expect(warningsOf(broker)).toEqual([
      expect.stringContaining('add the statements UseByIamThroughServices and LetServicesHoldGrants'),
    ]);
    Template.fromStack(stack).hasResourceProperties('AWS::SecretsManager::Secret', { KmsKeyId: arns.secretKey });
  });

  test('the policy of a created key lets an administrator known by ARN use it only through Secrets Manager', () => {
    const { stack, broker } = build();
    broker.grantAdmin(new ArnPrincipal(arns.administrator));
    const right = statementsOf(Template.fromStack(stack)).find(
      ({ type, principals }) => type === 'AWS::KMS::Key' && principals.includes(arns.administrator),
    );
    expect(right).toMatchObject({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      condition: expect.stringMatching(/^StringEquals=kms:ViaService=secretsmanager\./),
    });
  });

  test('the policy of a key of another AWS account names the account and the region of the broker', () => {
    const app = createApp();
    const keys = new Stack(app, 'Keys', { env: { ...env, account: '222222222222' } });
    createBroker(new Stack(app, 'Stack', { env }), { encryptionKey: new Key(keys, 'Key') });
    const statements = statementsOf(Template.fromStack(keys)).filter(({ sid }) => sid !== '');
    expect(statements).toHaveLength(2);
    for (const { principals, condition } of statements) {
      expect(principals).toEqual(['arn:{AWS::Partition}:iam::111111111111:root']);
      expect(condition).toContain('kms:ViaService=dynamodb.us-east-1.{AWS::URLSuffix}, secretsmanager.us-east-1.');
    }
  });

  test('grantAdmin warns when it can change neither the policy of the administrator nor that of an imported key', () => {
    const { stack, broker } = build({ isImported: true });
    broker.grantAdmin(createFunction(stack, 'Operator'));
    expect(warningsOf(broker).join()).not.toContain('cannot set credentials');
    broker.grantAdmin(new ArnPrincipal(arns.administrator));
    expect(warningsOf(broker)).toContainEqual(expect.stringContaining('so it cannot set credentials. Ask the owner'));
  });
});
