import { readFileSync } from 'node:fs';
import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../infra/stack.ts';
import { aliases } from '../../lambda/config.ts';
import { metricNames, metricNamespace } from '../../lambda/telemetry/metric-names.ts';
import { asJson, propertiesOf } from './support/statements.ts';
import { arns, bundle, createApp, templateOf } from './support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');
const isolated = templateOf('private');

const warmup = { Ref: Match.stringLikeRegexp(`^BrokerFunctionAlias${aliases.warmup}`) };

describe('the schedule', () => {
  test('calls the warm-up alias every 4 minutes, spread over one, and tries each time once', () => {
    minimal.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(4 minutes)',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1 },
      State: 'ENABLED',
      Target: {
        Arn: warmup,
        Input: '{"accounts":["main"]}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    });
  });

  test('leaves out accounts that are not to be kept warm', () => {
    full.hasResourceProperties('AWS::Scheduler::Schedule', { Target: { Input: '{"accounts":["main"]}' } });
  });

  test('is as often as the settings say, and absent with nothing to warm, as is the alarm on its silence', () => {
    const often = build({ accounts: { main: {} }, warmUpMinutes: 2 });
    often.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(2 minutes)' });
    const cold = build({ accounts: { main: { keepWarm: false } } });
    cold.resourceCountIs('AWS::Scheduler::Schedule', 0);
    expect(propertiesOf('AWS::CloudWatch::Alarm', cold).map(({ MetricName }) => MetricName)).not.toContain(
      metricNames.warmUps,
    );
  });
});

describe('the rule', () => {
  test('hears of new current versions of the known secrets alone, and tries the warm-up alias once', () => {
    full.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.secretsmanager'],
        'detail-type': ['Secret Label Updated'],
        resources: [{ Ref: Match.stringLikeRegexp('^BrokerCredentialsmain') }, arns.secret],
        detail: { labelUpdated: ['AWSCURRENT'] },
      },
      Targets: [{ Arn: warmup, RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } }],
    });
  });

  test('is as many rules as it takes for every pattern to stay under 2,048 characters, with all secrets in them', () => {
    // Reading from a secret of any name is possible: 65 characters, a name of 300, a hyphen and 6 more.
    const longArn = (index: number) =>
      `arn:aws-us-gov:secretsmanager:ap-southeast-1:111111111111:secret:${'x'.repeat(298)}${index + 10}-AbCdEf`;
    const settings = {
      made: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`a-taxpayer-${index}`, {}])),
      existing: Object.fromEntries(
        Array.from({ length: 8 }, (_, index) => [`a${index}`, { secretArn: longArn(index) }]),
      ),
    };
    for (const accounts of Object.values(settings)) {
      const patterns = propertiesOf('AWS::Events::Rule', build({ accounts })).map(({ EventPattern }) => EventPattern);
      expect(patterns.flatMap((pattern) => asJson(pattern).resources)).toHaveLength(Object.keys(accounts).length);
      for (const pattern of patterns) {
        expect(longestText(pattern).length).toBeLessThanOrEqual(2_048);
      }
    }
  });
});

/** A pattern with each made secret's ARN as long as CloudFormation and Secrets Manager could make it. */
function longestText(pattern: unknown): string {
  return JSON.stringify(pattern).replaceAll(
    /\{"Ref":"(\w+)"\}/g,
    (_, logicalId) =>
      `"arn:aws-us-gov:secretsmanager:ap-southeast-1:111111111111:secret:${logicalId}-${'x'.repeat(12)}-AbCdEf"`,
  );
}

describe('alarms', () => {
  const alarms = propertiesOf('AWS::CloudWatch::Alarm', full);
  const byRunbook = new Map(
    alarms.map((alarm) => [/Runbook: docs\/operations\.md, (\w+)\.$/.exec(String(alarm.AlarmDescription))?.[1], alarm]),
  );

  test('watch everything that should wake somebody up', () => {
    expect([...byRunbook.keys()].sort()).toEqual([
      'ClientRejected',
      'ClockSkew',
      'Crashes',
      'CredentialsRejected',
      'DeniedByBroker',
      'DeniedByGateway',
      'Errors',
      'GatewayFails',
      'Html500Repeated',
      'LoginsFail',
      'NoWarmUp',
      'RetryHeld',
      'SlowCalls',
      'TableUnavailable',
      'Throttles',
    ]);
  });

  test('have a runbook each in docs/operations.md', () => {
    const runbooks = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    expect([...runbooks.matchAll(/^### (\w+)$/gm)].map(([, name]) => name).sort()).toEqual(
      [...byRunbook.keys()].sort(),
    );
  });

  test('tell the topic when they ring and when they stop, and nobody where there is none', () => {
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ AlarmActions: [arns.topic], OKActions: [arns.topic] });
    }
    minimal.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: Match.absent() });
  });

  test("read the function's own metrics, by its name", () => {
    for (const [runbook, metric] of [
      ['CredentialsRejected', metricNames.credentialsRejected],
      ['ClientRejected', metricNames.clientRejected],
      ['RetryHeld', metricNames.retryHeld],
      ['TableUnavailable', metricNames.tableUnavailable],
      ['DeniedByBroker', metricNames.denied],
      ['ClockSkew', metricNames.clockSkew],
      ['Html500Repeated', metricNames.html500Repeated],
      ['NoWarmUp', metricNames.warmUps],
    ] as const) {
      expect(byRunbook.get(runbook)).toMatchObject({
        Namespace: metricNamespace,
        MetricName: metric,
        Dimensions: [{ Name: 'service', Value: { Ref: expect.stringMatching(/^BrokerFunction/) } }],
      });
    }
  });

  test('ring when logins fail in each of three periods of 10 minutes, whether others succeed or not', () => {
    expect(byRunbook.get('LoginsFail')).toMatchObject({
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      EvaluationPeriods: 3,
      TreatMissingData: 'notBreaching',
    });
    const metrics = JSON.stringify(byRunbook.get('LoginsFail')?.Metrics);
    expect(metrics).toContain('"Expression":"logins - FILL(issued, 0)"');
    expect(metrics).toContain('{"Name":"outcome","Value":"issued"}');
    expect(metrics.match(/"Period":600/g)).toHaveLength(2);
    expect(metrics.match(new RegExp(`"MetricName":"${metricNames.logins}"`, 'g'))).toHaveLength(2);
  });

  test('add up what is there, and wait for no metric that was never written', () => {
    expect(JSON.stringify(byRunbook.get('Errors'))).toContain(
      '"SUM([internal, configuration, secret_malformed, credentials_missing])"',
    );
    expect(JSON.stringify(byRunbook.get('Crashes'))).toContain('"SUM([http, warmup])"');
  });

  test('ring on silence after 30 minutes without a warm-up, and on nothing else missing', () => {
    const { Period, EvaluationPeriods, ...silence } = asJson(byRunbook.get('NoWarmUp'));
    expect(Number(Period) * Number(EvaluationPeriods)).toBe(Duration.minutes(30).toSeconds());
    expect(silence).toMatchObject({
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
    });
    for (const [runbook, alarm] of byRunbook) {
      expect(alarm.TreatMissingData).toBe(runbook === 'NoWarmUp' ? 'breaching' : 'notBreaching');
    }
  });

  test("do not count Lambda errors of direct callers' aliases, which expected failures are", () => {
    const onErrors = alarms.filter(
      (alarm) =>
        JSON.stringify(alarm).includes('"Errors","Namespace":"AWS/Lambda"') ||
        /AWS\/Lambda.*"MetricName":"Errors"|"MetricName":"Errors".*AWS\/Lambda/.test(JSON.stringify(alarm)),
    );
    expect(onErrors).toHaveLength(1);
    expect(JSON.stringify(onErrors)).not.toMatch(/account-/);
    expect(JSON.stringify(onErrors)).toMatch(/:http.*:warmup|:warmup.*:http/);
  });

  test('count denials of the gateway in its log, where there is one', () => {
    minimal.hasResourceProperties('AWS::Logs::MetricFilter', { FilterPattern: '{ $.status = "403" }' });
    isolated.resourceCountIs('AWS::Logs::MetricFilter', 0);
  });

  test("count the gateway's own failures in that log, without the answers of the function", () => {
    minimal.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ ($.status = "5*") && ($.error_type != "-") }',
      MetricTransformations: [Match.objectLike({ MetricName: 'GatewayFails' })],
    });
    expect(byRunbook.get('GatewayFails')).toMatchObject({ MetricName: 'GatewayFails', Threshold: 1 });
  });
});

function build(stage: object): Template {
  return Template.fromStack(
    new TokenBrokerStack(createApp(), 'Stack', { ...parseSettings({ stage }, 'stage'), code: Code.fromAsset(bundle) }),
  );
}
