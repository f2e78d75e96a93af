// Tests how many accounts fit into a stack, what ends it, and which rights they add (infra/stack-limits.ts, resources/secret-rights.ts).
import { CfnWaitConditionHandle, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../infra/stack.ts';
import { readable, readableThroughout, rightsIn } from './support/rights.ts';
import { asJson, propertiesOf, statementsOf } from './support/statements.ts';
import { arns, bundle, createApp } from './support/synth.ts';
import { createBroker, env } from './support/user-app.ts';

function idsUpTo(count: number, id = (index: number) => `tienda-${String(index).padStart(3, '0')}`) {
  return Array.from({ length: count }, (_, index) => id(index + 1));
}

function accountsOf(ids: readonly string[]) {
  return Object.fromEntries(ids.map((id) => [id, {}]));
}

function stackOf(ids: readonly string[], more: object = {}) {
  const stage = { accounts: accountsOf(ids), secretNames: 'from-ids', env, administrator: arns.administrator, ...more };
  const settings = parseSettings({ dev: stage }, 'dev');
  return new TokenBrokerStack(createApp(), 'Broker', { ...settings, code: Code.fromAsset(bundle) });
}

describe('100 accounts whose secrets are named after their ids', () => {
  const ids = idsUpTo(100);
  const template = Template.fromStack(stackOf(ids));
  const resources = asJson(template.toJSON().Resources);
  const policies = Object.values({
    ...template.findResources('AWS::IAM::ManagedPolicy'),
    ...template.findResources('AWS::IAM::Policy'),
  }).map((policy) => asJson(asJson(policy).Properties));

  test('are in a template that CloudFormation takes', () => {
    expect(Object.keys(resources)).toHaveLength(478);
    expect(Object.keys(asJson(template.toJSON().Outputs))).toHaveLength(110);
    expect(JSON.stringify(template.toJSON()).length).toBeLessThan(500_000);
  });

  test('are in variables that Lambda takes, as ids only', () => {
    const [fn] = propertiesOf('AWS::Lambda::Function', template);
    const environment = asJson(asJson(fn?.Environment).Variables);
    expect(environment).toMatchObject({ FEGORA_ACCOUNT_IDS: ids.join(' '), FEGORA_SECRET_PREFIX: 'fegora/dev/' });
    expect(environment).not.toHaveProperty('FEGORA_ACCOUNTS');
    expect(JSON.stringify(environment).length).toBeLessThan(2_500);
  });

  test('are in one rule for new versions of their secrets, by the prefix of their names', () => {
    expect(propertiesOf('AWS::Events::Rule', template).map(({ EventPattern }) => EventPattern)).toEqual([
      {
        source: ['aws.secretsmanager'],
        'detail-type': ['Secret Label Updated'],
        detail: { labelUpdated: ['AWSCURRENT'], name: [{ prefix: 'fegora/dev/' }] },
      },
    ]);
  });

  test('give the role a right on the complete ARN of each secret, in policies that IAM takes', () => {
    const secrets = Object.keys(template.findResources('AWS::SecretsManager::Secret'));
    expect(readable(rightsIn(resources))).toEqual(secrets.sort());
    expect(secrets).toHaveLength(100);
    // An ARN has 81 characters here, and a reference to it has about 50.
    const sizes = policies.map(({ PolicyDocument }) => longestText(PolicyDocument));
    expect(sizes.filter((size) => size > 6_144)).toEqual([]);
    const inline = propertiesOf('AWS::IAM::Policy', template).map(({ PolicyDocument }) => longestText(PolicyDocument));
    expect(inline.reduce((sum, size) => sum + size, 0)).toBeLessThan(10_240);
  });

  test('give the role nothing else: every statement of its policies', () => {
    const ofRole = statementsOf(template).filter(
      ({ logicalId, type }) => /^Broker(Role|DataFor)/.test(logicalId) && type !== 'AWS::IAM::Role',
    );
    const rights = ofRole.map(({ effect, actions, resources: on }) => `${effect} ${actions.join(', ')}: ${on.length}`);
    expect(rights.sort()).toEqual([
      'Allow dynamodb:GetItem, dynamodb:UpdateItem: 1',
      'Allow kms:Decrypt, kms:DescribeKey, kms:Encrypt, kms:GenerateDataKey, kms:GenerateDataKeyWithoutPlaintext, kms:ReEncryptFrom, kms:ReEncryptTo: 1',
      'Allow kms:Decrypt: 1',
      'Allow logs:CreateLogStream, logs:PutLogEvents: 1',
      'Allow secretsmanager:GetSecretValue: 20',
      'Allow secretsmanager:GetSecretValue: 24',
      'Allow secretsmanager:GetSecretValue: 27',
      'Allow secretsmanager:GetSecretValue: 29',
      'Deny dynamodb:GetItem, dynamodb:UpdateItem, secretsmanager:GetSecretValue: 1',
    ]);
  });

  test('move no right when more accounts come: each stays in its policy', () => {
    const { Resources: fewer } = Template.fromStack(stackOf(idsUpTo(8))).toJSON();
    const held = readable(rightsIn(fewer));
    expect(held).toHaveLength(8);
    expect(readableThroughout(rightsIn(fewer), rightsIn(resources))).toEqual(held);
  });

  test('each have the alias and the alarm of their own, and the default number of policies and keys', () => {
    expect(propertiesOf('AWS::Lambda::Alias', template)).toHaveLength(103);
    expect(propertiesOf('AWS::SecretsManager::ResourcePolicy', template)).toHaveLength(100);
    expect(propertiesOf('AWS::CloudWatch::Alarm', template)).toHaveLength(118);
    expect(propertiesOf('AWS::KMS::Key', template)).toHaveLength(1);
  });
});

/** Length of a policy in which every reference has the length of the ARN that it stands for. */
function longestText(policy: unknown): number {
  const arn = `"arn:aws:secretsmanager:us-east-1:111111111111:secret:fegora/dev/tienda-001-AbCdEf"`;
  return JSON.stringify(policy).replaceAll(/\{"(Ref|Fn::GetAtt)":("\w+"|\[[^\]]*\])\}/g, arn).length;
}

describe('what ends the number of accounts', () => {
  test.each<[string, () => unknown, string]>([
    [
      'resources',
      () => stackOf(idsUpTo(106)),
      'the stack has 501 resources, and CloudFormation takes 500: an account takes 4, and 5 if its secret has a generated name. Move some of the accounts to a second stack, or add the new ones as open accounts',
    ],
    [
      'the environment, if ids are long',
      () => stackOf(idsUpTo(80, (index) => `${'x'.repeat(50)}-${index}`)),
      "the accounts do not fit into the function's environment, up to 4",
    ],
    [
      'the environment, if names are generated',
      () => stackOf(idsUpTo(60), { secretNames: 'generated' }),
      "give the accounts that you add secretName: 'from-id', which takes only their ids, or move some of them to a second stack",
    ],
  ])('synth says in one sentence that it is %s', (_, build, sentence) => {
    expect(build).toThrow(sentence);
  });

  test('synth counts what a user adds to the stack after the broker', () => {
    const stack = new Stack(createApp(), 'Stack', { env });
    createBroker(stack);
    for (let index = 0; index < 430; index += 1) {
      new CfnWaitConditionHandle(stack, `More${index}`);
    }
    expect(() => Template.fromStack(stack)).toThrow(/the stack has \d+ resources, and CloudFormation takes 500/);
  });
});
