// Tests the function, its role, its log and its aliases (function.ts), and its environment (environment.ts).
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../../infra/stack.ts';
import { parseConfig, variables } from '../../../lambda/config.ts';
import { propertiesOf, statementsOf } from '../support/statements.ts';
import { arns, bundle, createApp, templateOf, templateWith } from '../support/synth.ts';
import { variablesIn } from '../support/variables.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');

describe('the function', () => {
  test('the function is an arm64 Node 24 bundle and keeps its JSON logs for 180 days by default', () => {
    minimal.hasResourceProperties('AWS::Lambda::Function', {
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: 25,
      MemorySize: 512,
      FunctionName: Match.absent(),
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: Match.stringLikeRegexp('^BrokerFunctionLog') } },
      TracingConfig: Match.absent(),
      VpcConfig: Match.absent(),
      ReservedConcurrentExecutions: Match.absent(),
    });
    minimal.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 180, LogGroupName: Match.absent() });
  });

  test('the function has an environment that its own configuration parser accepts', () => {
    const environment = variablesIn(full.toJSON().Resources);
    expect(parseConfig(environment)).toMatchObject({
      config: {
        tokenUrl: 'https://api.fegora.com/token',
        clientId: 'apiApp',
        defaultAccount: 'main',
      },
    });
    expect(Object.keys(environment)).not.toContain(variables.allowHttpLoopback);
  });

  test('the stack has the memory, variables, throttling and log retention that the settings name', () => {
    const stage = {
      accounts: { main: {} },
      tokenUrl: 'https://login.example.com/token',
      clientId: 'otherApp',
      loginBudget: { perHour: 20, perDay: 200 },
      renewWith: 'refresh_token',
      memoryMb: 1024,
      throttle: { ratePerSecond: 7, burst: 9 },
      logRetentionDays: 365,
    };
    const template = Template.fromStack(
      new TokenBrokerStack(createApp(), 'Settings', {
        ...parseSettings({ stage }, 'stage'),
        code: Code.fromAsset(bundle),
      }),
    );
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 1024,
      Environment: {
        Variables: {
          [variables.tokenUrl]: 'https://login.example.com/token',
          [variables.clientId]: 'otherApp',
          [variables.loginsPerHour]: '20',
          [variables.loginsPerDay]: '200',
          [variables.renewWith]: 'refresh_token',
        },
      },
    });
    template.hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: Match.arrayWith([
        Match.objectLike({ ResourcePath: '/~1token', ThrottlingRateLimit: 7, ThrottlingBurstLimit: 9 }),
      ]),
    });
    template.resourceCountIs('AWS::Logs::LogGroup', 2);
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 365 });
  });

  test('the function has reserved and provisioned concurrency only when the settings ask for it', () => {
    full.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: 20 });
    full.hasResourceProperties('AWS::Lambda::Alias', {
      Name: 'http',
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 },
    });
    full.resourcePropertiesCountIs('AWS::Lambda::Alias', { ProvisionedConcurrencyConfig: Match.anyValue() }, 1);
    minimal.allResourcesProperties('AWS::Lambda::Alias', { ProvisionedConcurrencyConfig: Match.absent() });
  });

  test('synth throws when the accounts may exceed the 4 KB of the environment', () => {
    const accounts = (count: number) => ({
      many: { accounts: Object.fromEntries(Array.from({ length: count }, (_, index) => [`taxpayer-${index}`, {}])) },
    });
    const build = (count: number) => () =>
      new TokenBrokerStack(createApp(), 'Many', {
        ...parseSettings(accounts(count), 'many'),
        code: Code.fromAsset(bundle),
      });
    expect(build(40)).not.toThrow();
    expect(build(60)).toThrow(/do not fit .* up to \d+ of 4096 bytes/);
  });
});

describe('aliases', () => {
  test('the aliases are http, warmup, admin and one per account, and none has only digits', () => {
    const names = propertiesOf('AWS::Lambda::Alias', full).map(({ Name }) => String(Name));
    expect(names.sort()).toEqual(['account-main', 'account-nit-2', 'admin', 'http', 'warmup']);
    const digits = { digits: { accounts: { '43430775': {} } } };
    const stack = new TokenBrokerStack(createApp(), 'Digits', {
      ...parseSettings(digits, 'digits'),
      code: Code.fromAsset(bundle),
    });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Alias', { Name: 'account-43430775' });
  });

  test('every alias tries an asynchronous call only once and has no destination for it', () => {
    const configured = propertiesOf('AWS::Lambda::EventInvokeConfig', full);
    expect(configured).toHaveLength(propertiesOf('AWS::Lambda::Alias', full).length);
    for (const config of configured) {
      expect(config).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
      expect(config).not.toHaveProperty('DestinationConfig');
    }
  });

  test('an alias of an account with a named secret has no setting of its own, so that 100 of them fit into a stack', () => {
    const named = templateWith({ accounts: { main: {}, old: { secretName: 'generated' } }, secretNames: 'from-ids' });
    expect(propertiesOf('AWS::Lambda::EventInvokeConfig', named)).toHaveLength(4);
    expect(propertiesOf('AWS::Lambda::Alias', named)).toHaveLength(5);
  });
});

test('both log groups outlive the stack, unless its first deployment fails', () => {
  minimal.allResources('AWS::Logs::LogGroup', {
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
  });
});

describe('the role of the function', () => {
  test('the role can only read its secrets, read and update items, use the key for both, and write its log', () => {
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

  test('the role can decrypt an existing secret with the customer managed key of that secret', () => {
    const decryption = rightsOfBroker(full).filter(
      ({ actions, condition }) =>
        actions.length === 1 && actions[0] === 'kms:Decrypt' && condition.includes('secretsmanager.'),
    );
    expect(decryption.flatMap(({ resources }) => resources)).toContain(arns.secretKey);
  });

  test('the role has no managed policy', () => {
    minimal.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
  });
});

/** Returns the statements in the policy of the broker's role. */
function rightsOfBroker(template: Template) {
  return statementsOf(template).filter(({ logicalId }) => logicalId.startsWith('BrokerRoleDefaultPolicy'));
}
