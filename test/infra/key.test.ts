// Tests the key of the broker and its policy (infra/key.ts).
import { expect, test } from 'vitest';
import { statementsOf } from './support/statements.ts';
import { templateOf } from './support/synth.ts';

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
    expect(condition).toMatch(/kms:ViaService=(dynamodb|secretsmanager)\.\{AWS::Region\}/);
  }
});
