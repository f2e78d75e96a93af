import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../infra/stack.ts';
import { parseConfig, variables } from '../../lambda/config.ts';
import { asJson, propertiesOf } from './support/statements.ts';
import { bundle, createApp, templateOf } from './support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');

describe('the function', () => {
  test('is an arm64 Node 24 bundle with JSON logs of its own, kept for a while', () => {
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

  test('finds in its environment what its own configuration asks for', () => {
    const [fn] = propertiesOf('AWS::Lambda::Function', full);
    const environment = asJson(asJson(fn?.Environment).Variables);
    const rendered = Object.entries(environment).map(([name, value]) => [name, renderTokens(value)]);
    expect(parseConfig(Object.fromEntries(rendered))).toMatchObject({
      config: {
        tokenUrl: 'https://api.fegora.com/token',
        clientId: 'apiApp',
        defaultAccount: 'main',
      },
    });
    expect(Object.keys(environment)).not.toContain(variables.allowHttpLoopback);
  });

  test('and what surrounds it are as the settings say', () => {
    const stage = {
      accounts: { main: {} },
      tokenUrl: 'https://login.example.com/token',
      clientId: 'otherApp',
      memoryMb: 1024,
      throttle: { ratePerSecond: 7, burst: 9 },
      logRetentionDays: 365,
    };
    const template = Template.fromStack(
      new TokenBrokerStack(createApp(), 'Said', {
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

  test('may be limited and kept warm, which are off by default', () => {
    full.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: 20 });
    full.hasResourceProperties('AWS::Lambda::Alias', {
      Name: 'http',
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 },
    });
    full.resourcePropertiesCountIs('AWS::Lambda::Alias', { ProvisionedConcurrencyConfig: Match.anyValue() }, 1);
    minimal.allResourcesProperties('AWS::Lambda::Alias', { ProvisionedConcurrencyConfig: Match.absent() });
  });

  test('is refused when its accounts may not fit the 4 KB of its environment', () => {
    const accounts = (count: number) => ({
      many: { accounts: Object.fromEntries(Array.from({ length: count }, (_, index) => [`taxpayer-${index}`, {}])) },
    });
    const build = (count: number) => () =>
      new TokenBrokerStack(createApp(), 'Many', {
        ...parseSettings(accounts(count), 'many'),
        code: Code.fromAsset(bundle),
      });
    expect(build(20)).not.toThrow();
    expect(build(40)).toThrow(/do not fit .* up to \d+ of 4096 bytes/);
  });
});

describe('aliases', () => {
  test('are http, warmup, admin and one per account, none of them digits alone', () => {
    const names = propertiesOf('AWS::Lambda::Alias', full).map(({ Name }) => String(Name));
    expect(names.sort()).toEqual(['account-main', 'account-nit-2', 'admin', 'http', 'warmup']);
    const digits = { digits: { accounts: { '43430775': {} } } };
    const stack = new TokenBrokerStack(createApp(), 'Digits', {
      ...parseSettings(digits, 'digits'),
      code: Code.fromAsset(bundle),
    });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Alias', { Name: 'account-43430775' });
  });

  test('try an asynchronous call once, on every alias, and send it nowhere else', () => {
    const configured = propertiesOf('AWS::Lambda::EventInvokeConfig', full);
    expect(configured).toHaveLength(propertiesOf('AWS::Lambda::Alias', full).length);
    for (const config of configured) {
      expect(config).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
      expect(config).not.toHaveProperty('DestinationConfig');
    }
  });
});

/** References as ARNs and names that could come of them. */
function renderTokens(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  const { Ref, ...functions } = asJson(value);
  if (Ref !== undefined) {
    return `arn:aws:secretsmanager:us-east-1:111111111111:secret:${String(Ref)}-AbCdEf`;
  }
  const [separator, parts] = Object.values(functions).flatMap((joined) => (Array.isArray(joined) ? joined : []));
  return Array.isArray(parts) ? parts.map(renderTokens).join(String(separator)) : '';
}
