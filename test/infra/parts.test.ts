// Tests the props that several parts share: removal policy, tracing, alarms, dashboard (infra/parts.ts and monitoring/).
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import type { TokenBrokerProps } from '../../infra/index.ts';
import { asJson, resourcesOf, statementsOf } from './support/statements.ts';
import { arns, createApp } from './support/synth.ts';
import { createBroker, env } from './support/user-app.ts';

function build(props: Partial<TokenBrokerProps> = {}) {
  const stack = new Stack(createApp(), 'Stack', { env });
  const broker = createBroker(stack, props);
  return { stack, broker, template: Template.fromStack(stack) };
}

/** Types of the resources with data. */
const withData = [
  'AWS::DynamoDB::Table',
  'AWS::KMS::Key',
  'AWS::Logs::LogGroup',
  'AWS::SecretsManager::ResourcePolicy',
  'AWS::SecretsManager::Secret',
];

/** Returns the types of the resources that CloudFormation treats in this way, each once. */
function typesWith(policy: string, template: Template): string[] {
  const types = Object.values(resourcesOf(template)).flatMap(({ Type, DeletionPolicy }) =>
    DeletionPolicy === policy ? [String(Type)] : [],
  );
  return [...new Set(types)].sort();
}

describe('removalPolicy', () => {
  test('CloudFormation keeps everything with data by default', () => {
    const { template } = build();
    expect([...typesWith('RetainExceptOnCreate', template), ...typesWith('Retain', template)].sort()).toEqual(withData);
  });

  test('CloudFormation deletes everything with data when removalPolicy is DESTROY', () => {
    const { template } = build({ removalPolicy: RemovalPolicy.DESTROY });
    expect(typesWith('Delete', template)).toEqual(withData);
    template.hasResourceProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false });
  });

  test('CloudFormation keeps everything with data, even after a failed creation, when removalPolicy is RETAIN', () => {
    const { template } = build({ removalPolicy: RemovalPolicy.RETAIN });
    expect(typesWith('Retain', template)).toEqual(withData);
    template.hasResourceProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: true });
  });
});

describe('tracing', () => {
  test('X-Ray traces the function and the stage when tracing is on, with the right to send traces', () => {
    const { template } = build({ tracing: true });
    template.hasResourceProperties('AWS::Lambda::Function', { TracingConfig: { Mode: 'Active' } });
    template.hasResourceProperties('AWS::ApiGateway::Stage', { TracingEnabled: true });
    const actions = statementsOf(template).flatMap((statement) => statement.actions);
    expect(actions).toEqual(expect.arrayContaining(['xray:PutTelemetryRecords', 'xray:PutTraceSegments']));
  });

  test('X-Ray traces nothing by default, and the role has no right to send traces', () => {
    const { template } = build();
    template.hasResourceProperties('AWS::Lambda::Function', { TracingConfig: Match.absent() });
    expect(JSON.stringify(statementsOf(template))).not.toContain('xray:');
  });
});

describe('alarms', () => {
  test('an alarm has the threshold of the props, and the others keep their defaults', () => {
    const { template } = build({ alarms: { SlowCalls: 5_000 } });
    const thresholds = (runbook: string) =>
      Object.values(template.findResources('AWS::CloudWatch::Alarm')).flatMap((alarm) => {
        const { AlarmDescription, Threshold } = asJson(asJson(alarm).Properties);
        return String(AlarmDescription).endsWith(`, ${runbook}.`) ? [Threshold] : [];
      });
    expect(thresholds('SlowCalls')).toEqual([5_000]);
    expect(thresholds('ClockSkew')).toEqual([30_000]);
  });

  test('an alarm is absent when its threshold is false, in the template, in alarms and on the dashboard', () => {
    const { broker, template } = build({ alarms: { ClockSkew: false } });
    template.resourceCountIs('AWS::CloudWatch::Alarm', 18);
    expect(broker.alarms.ClockSkew).toBeUndefined();
    expect(broker.alarms.AccountFails).toBeDefined();
  });

  test('AccountFails by its name is that of the first account, and accountAlarms has that of each account', () => {
    const { broker } = build({ accounts: { main: {}, second: {} }, defaultAccount: 'main' });
    expect([...broker.accountAlarms.keys()]).toEqual(['main', 'second']);
    expect(broker.alarms.AccountFails).toBe(broker.accountAlarms.get('main'));
  });

  test.each([undefined, true])('all alarms are there when alarms is %s', (alarms) => {
    build({ alarms }).template.resourceCountIs('AWS::CloudWatch::Alarm', 19);
  });

  test('there are no alarms, and none on the dashboard, when alarms is false', () => {
    const { broker, template } = build({ alarms: false });
    template.resourceCountIs('AWS::CloudWatch::Alarm', 0);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
    expect(broker.alarms).toEqual({});
    expect(broker.accountAlarms.size).toBe(0);
    expect(JSON.stringify(template.findResources('AWS::CloudWatch::Dashboard'))).not.toContain('"alarms');
  });
});

test('there is no dashboard when dashboard is false', () => {
  build({ dashboard: false }).template.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
});

test('an existing secret stays whatever removalPolicy is', () => {
  const { template } = build({
    accounts: { main: { secretArn: arns.secret } },
    removalPolicy: RemovalPolicy.DESTROY,
  });
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
});
