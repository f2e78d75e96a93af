// What the stack gives a broker whose accounts are open, and what it tells the command line (infra/resources/open-accounts.ts).
import { readFileSync } from 'node:fs';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { ArnPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { beforeAll, describe, expect, test } from 'vitest';
import { TokenBroker } from '../../../infra/index.ts';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../../infra/stack.ts';
import { propertiesOf, statementsOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { code, createBroker, env } from '../support/user-app.ts';

const settings = { accounts: {}, openAccounts: true, env, administrator: arns.administrator } as const;

/** The stack of the stage `dev` with these settings. */
function build(more: object = {}) {
  const stack = new TokenBrokerStack(createApp(), 'Dev', {
    ...parseSettings({ dev: { ...settings, ...more } }, 'dev'),
    code: code(),
  });
  return { stack, template: Template.fromStack(stack) };
}

let stack: TokenBrokerStack;
/** Only open accounts. */
let template: Template;
/** One listed account, and open ones that are not kept warm. */
let both: ReturnType<typeof build>;
/** One listed account only. */
let listed: Template;
beforeAll(() => {
  ({ stack, template } = build());
  both = build({ accounts: { main: {} }, warmUpsAtOnce: false });
  ({ template: listed } = build({ accounts: { main: {} }, openAccounts: false }));
}, 60_000);

/** What the role of the broker may do: `actions on resources if condition`, sorted. */
function rightsOfRole(of: Template): string[] {
  return statementsOf(of)
    .filter(({ effect, logicalId }) => effect === 'Allow' && /^BrokerRole.*Policy/.test(logicalId))
    .map(({ actions, resources, condition }) => `${actions.join(' ')} on ${resources.join(' ')} if ${condition}`)
    .sort();
}

const readTagged =
  'secretsmanager:GetSecretValue on arn:{AWS::Partition}:secretsmanager:us-east-1:111111111111:secret:fegora/dev/* if StringEquals=secretsmanager:ResourceTag/fegora-token-broker=Dev';

describe('the role of the broker', () => {
  test('has with open accounts one right more than with listed ones: to read the secrets under the prefix that have the tag', () => {
    const more = (of: Template) => rightsOfRole(of).filter((right) => !rightsOfRole(listed).includes(right));
    expect(more(both.template)).toEqual([readTagged]);
  });

  test('promise 64: has two rights more to keep them warm while they are in use: to query the index, and to use the queue', () => {
    const more = rightsOfRole(template).filter((right) => !rightsOfRole(listed).includes(right));
    expect(more).toEqual([
      expect.stringMatching(/^dynamodb:Query on \{BrokerTable\w+\.Arn\}\/index\/due if $/),
      readTagged,
      expect.stringMatching(
        /^sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage sqs:SendMessage on \{BrokerDueQueue(?!DeadLetters)\w+\.Arn\} if $/,
      ),
    ]);
  });

  test('has no other rights than these in both modes', () => {
    const viaService = (name: string) => `StringEquals=kms:ViaService=${name}.us-east-1.{AWS::URLSuffix}`;
    const ofBoth = [
      'dynamodb:GetItem dynamodb:UpdateItem on {BrokerTable} if ',
      `kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:ReEncryptFrom kms:ReEncryptTo on {BrokerKey} if ${viaService('dynamodb')}`,
      `kms:Decrypt on {BrokerKey} if ${viaService('secretsmanager')}`,
      'logs:CreateLogStream logs:PutLogEvents on {BrokerFunctionLog}:* if ',
    ];
    const named = (of: Template) => rightsOfRole(of).map((right) => right.replace(/[0-9A-F]{8}(\.Arn)?\}/, '}'));
    expect(named(both.template)).toEqual([
      ...ofBoth,
      readTagged,
      'secretsmanager:GetSecretValue on {BrokerCredentialsmain} if ',
    ]);
    expect(named(listed)).toEqual([...ofBoth, 'secretsmanager:GetSecretValue on {BrokerCredentialsmain} if ']);
  });
});

test('nothing of open accounts is in the template while accounts are not open', () => {
  const closed = JSON.stringify(listed.toJSON());
  expect(closed).not.toContain('fegora-token-broker"');
  expect(closed).not.toContain('FEGORA_OPEN_ACCOUNTS');
});

test('the function knows that accounts are open, and under which prefix', () => {
  const [variables] = propertiesOf('AWS::Lambda::Function', template).map(
    ({ Environment }) => Object(Environment).Variables,
  );
  expect(variables).toMatchObject({ FEGORA_OPEN_ACCOUNTS: '1', FEGORA_SECRET_PREFIX: 'fegora/dev/' });
  expect(variables).not.toHaveProperty('FEGORA_ACCOUNTS');
});

test('one rule tells the function of new values of all secrets under the prefix', () => {
  const patterns = propertiesOf('AWS::Events::Rule', template).map(({ EventPattern }) => EventPattern);
  expect(patterns).toEqual([
    expect.objectContaining({ detail: { labelUpdated: ['AWSCURRENT'], name: [{ prefix: 'fegora/dev/' }] } }),
  ]);
});

test('no alarm and no graph is for an open account', () => {
  const of = (type: string, one: Template) => propertiesOf(type, one);
  expect(of('AWS::CloudWatch::Alarm', both.template)).toEqual(of('AWS::CloudWatch::Alarm', listed));
  expect(of('AWS::CloudWatch::Dashboard', both.template)).toEqual(of('AWS::CloudWatch::Dashboard', listed));
  expect(JSON.stringify(of('AWS::CloudWatch::Alarm', template))).not.toContain('AccountFails');
});

test('the function writes a metric of each open account only if the setting says so', () => {
  const measured = build({ openAccounts: 'with-metrics' }).template;
  const [variables] = propertiesOf('AWS::Lambda::Function', measured).map(
    ({ Environment }) => Object(Environment).Variables,
  );
  expect(variables).toMatchObject({ FEGORA_OPEN_ACCOUNTS: 'with-metrics' });
});

test('the output has what a new secret gets: name, key, tag, and the policy of the secrets of the stack', () => {
  const [{ ResourcePolicy: policy } = {}] = propertiesOf('AWS::SecretsManager::ResourcePolicy', both.template);
  const output = both.stack.resolve(Object.values(both.template.findOutputs('OpenAccounts'))[0]?.Value);
  // References stand between pieces of JSON.
  const [, pieces] = output['Fn::Join'];
  const text = pieces
    .map((piece: unknown) => (typeof piece === 'string' ? piece : `«${JSON.stringify(piece).replaceAll('"', "'")}»`))
    .join('');
  const parsed = JSON.parse(text);

  expect(parsed).toMatchObject({ prefix: 'fegora/dev/', tag: { key: 'fegora-token-broker', value: 'Dev' } });
  expect(parsed.keyArn).toMatch(/^«.*Arn.*»$/);
  const denials = Object(policy).Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Deny');
  const shown = JSON.stringify(denials, (_, value) =>
    value?.['Fn::GetAtt'] ? `«${JSON.stringify(value).replaceAll('"', "'")}»` : value,
  );
  expect(parsed.policy.Statement).toEqual(JSON.parse(shown));
  expect(denials.map(({ Sid }: { Sid: string }) => Sid)).toEqual([
    'ReadingForTheBrokerAlone',
    'WritingForAdministratorsAlone',
  ]);
});

describe('an administrator', () => {
  const role = 'arn:{AWS::Partition}:secretsmanager:us-east-1:111111111111:secret:fegora/x/*';

  test('of the app may make secrets with the tag, change only those that have it, and read no value', () => {
    const own = new Stack(createApp(), 'Own', { env });
    const operator = new Role(own, 'Operator', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    createBroker(own, { accounts: {}, openAccounts: true, secretPrefix: 'fegora/x/' }).grantAdmin(operator);
    const made = statementsOf(Template.fromStack(own)).filter(
      ({ logicalId, actions }) => logicalId.startsWith('Operator') && String(actions).startsWith('secretsmanager:'),
    );

    expect(made.map(({ actions, resources, condition }) => [actions, resources, condition])).toEqual([
      [['secretsmanager:CreateSecret'], [role], 'StringEquals=aws:RequestTag/fegora-token-broker=Own'],
      [['secretsmanager:TagResource'], [role], expect.stringContaining('aws:RequestTag/fegora-token-broker=Own')],
      [
        [
          'secretsmanager:DeleteSecret',
          'secretsmanager:PutResourcePolicy',
          'secretsmanager:PutSecretValue',
          'secretsmanager:RestoreSecret',
          'secretsmanager:UpdateSecretVersionStage',
        ],
        [role],
        'StringEquals=secretsmanager:ResourceTag/fegora-token-broker=Own',
      ],
      [['secretsmanager:DescribeSecret'], [role], ''],
      [['secretsmanager:ListSecrets'], ['*'], ''],
    ]);
  });

  test.each(['docs/operations.md', 'docs/es/operations.md'])('of another app finds the same rights in %s', (page) => {
    const own = new Stack(createApp(), 'FegoraTokenBroker-dev', { env });
    const operator = new Role(own, 'Operator', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    createBroker(own, { accounts: {}, openAccounts: true, secretPrefix: 'fegora/dev/' }).grantAdmin(operator);
    const rightsIn = (statements: readonly Readonly<Record<string, unknown>>[]) =>
      statements
        .filter(({ Action }) => String(Action).startsWith('secretsmanager:'))
        .map(({ Effect, Action, Condition }) => ({ Effect, Action, Condition }));
    const [granted] = propertiesOf('AWS::IAM::Policy', Template.fromStack(own)).map(({ PolicyDocument }) =>
      rightsIn(Object(PolicyDocument).Statement),
    );
    const text = readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8');
    const policies = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => json);
    const written = JSON.parse(policies.find((json) => json.includes('secretsmanager:CreateSecret')) ?? '{}');

    expect(granted).toHaveLength(5);
    expect(rightsIn(written.Statement)).toEqual(granted);
  });

  test('cannot bring in a secret that exists: one that a stack lists, or one of another broker under the same prefix', () => {
    const own = new Stack(createApp(), 'Own', { env });
    const operator = new Role(own, 'Operator', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    createBroker(own, { accounts: { main: {} }, openAccounts: true }).grantAdmin(operator);
    const tagging = propertiesOf('AWS::IAM::Policy', Template.fromStack(own))
      .flatMap(({ PolicyDocument }) => Object(PolicyDocument).Statement)
      .filter(({ Action }) => [Action].flat().includes('secretsmanager:TagResource'));

    expect(tagging.map(({ Action, Condition }) => [Action, Condition])).toEqual([
      [
        'secretsmanager:TagResource',
        {
          StringEquals: { 'aws:RequestTag/fegora-token-broker': 'Own' },
          StringEqualsIfExists: { 'secretsmanager:ResourceTag/fegora-token-broker': 'Own' },
          Null: { 'aws:ResourceTag/aws:cloudformation:stack-id': 'true' },
        },
      ],
    ]);
  });

  test('of another app gets a warning that says where the policy is that it needs', () => {
    Annotations.fromStack(stack).hasWarning(
      '*',
      Match.stringLikeRegexp('no right to add or remove accounts.*docs/operations.md, «Open accounts»'),
    );
  });
});

test('a caller may get the token of an open account by its id, which must be well formed', () => {
  const own = new Stack(createApp(), 'Own', { env });
  const broker = createBroker(own, { accounts: {}, openAccounts: true });
  const caller = new ArnPrincipal('arn:aws:iam::111111111111:role/Invoicer');
  expect(() => broker.grantToken(caller, 'tienda-1')).not.toThrow();
  expect(() => broker.grantToken(caller, 'tienda-1/*')).toThrow('no account');
  expect(() => broker.grantInvoke(caller, 'tienda-1')).toThrow('no account');
});

test('promise 74: two brokers of one stack do not have the same open accounts, because each would log in with them', () => {
  const own = new Stack(createApp(), 'Own', { env });
  const open = { accounts: {}, openAccounts: true, secretPrefix: 'fegora/x/' } as const;
  createBroker(own, open);
  const add = (id: string, more: object) => new TokenBroker(own, id, { ...open, code: code(), ...more });

  expect(() => add('Second', {})).toThrow('secretPrefix: another broker of this stack has the open accounts below it');
  expect(() => add('Third', { secretPrefix: 'fegora/y/' })).not.toThrow();
  expect(() => add('Fourth', { secretPrefix: undefined })).not.toThrow();
});

test('open accounts need no listed one, and the setting has three values', () => {
  expect(() => build({ openAccounts: false })).toThrow('accounts: must have at least one account');
  expect(() => build({ openAccounts: 'yes' })).toThrow('openAccounts: must be true, false or with-metrics');
});
