// Tests the alarms, their descriptions and their runbooks (infra/monitoring/alarms.ts and metrics.ts).
import { readFileSync } from 'node:fs';
import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { metricNames, metricNamespace } from '../../../lambda/telemetry/metric-names.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { arns, templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const alarms = propertiesOf('AWS::CloudWatch::Alarm', templateOf('full'));
const byRunbook = new Map(
  alarms.map((alarm) => [/Runbook: docs\/operations\.md, (\w+)\.$/.exec(String(alarm.AlarmDescription))?.[1], alarm]),
);

test('the stack has an alarm for everything that an operator should react to', () => {
  expect([...byRunbook.keys()].sort()).toEqual([
    'BudgetHalfUsed',
    'ClientRejected',
    'ClockSkew',
    'Crashes',
    'CredentialsRejected',
    'DeniedByBroker',
    'DeniedByGateway',
    'DuplicateUser',
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

test('every alarm has a runbook in docs/operations.md', () => {
  const runbooks = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  expect([...runbooks.matchAll(/^### (\w+)$/gm)].map(([, name]) => name).sort()).toEqual([...byRunbook.keys()].sort());
});

test('every alarm notifies the topic when it fires and when it stops, and has no action without a topic', () => {
  for (const alarm of alarms) {
    expect(alarm).toMatchObject({ AlarmActions: [arns.topic], OKActions: [arns.topic] });
  }
  minimal.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: Match.absent() });
});

test('alarms on metrics of the function have its name as their dimension', () => {
  for (const [runbook, metric] of [
    ['CredentialsRejected', metricNames.credentialsRejected],
    ['ClientRejected', metricNames.clientRejected],
    ['DuplicateUser', metricNames.duplicateUser],
    ['BudgetHalfUsed', metricNames.budgetHalfUsed],
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

test('LoginsFail fires when logins fail in each of three periods of 10 minutes, even if other logins succeed', () => {
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

test('Errors and Crashes add only the metrics that exist', () => {
  expect(JSON.stringify(byRunbook.get('Errors'))).toContain(
    '"SUM([internal, configuration, secret_malformed, secret_missing, credentials_missing])"',
  );
  expect(JSON.stringify(byRunbook.get('Crashes'))).toContain('"SUM([http, warmup])"');
});

test('NoWarmUp fires after 30 minutes without data, and no other alarm fires on missing data', () => {
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

test('no alarm counts the Lambda errors of the aliases of direct callers, whose expected failures are errors', () => {
  const onErrors = alarms.filter(
    (alarm) =>
      JSON.stringify(alarm).includes('"Errors","Namespace":"AWS/Lambda"') ||
      /AWS\/Lambda.*"MetricName":"Errors"|"MetricName":"Errors".*AWS\/Lambda/.test(JSON.stringify(alarm)),
  );
  expect(onErrors).toHaveLength(1);
  expect(JSON.stringify(onErrors)).not.toMatch(/account-/);
  expect(JSON.stringify(onErrors)).toMatch(/:http.*:warmup|:warmup.*:http/);
});

test('each alarm has its metric, statistic, threshold and duration', () => {
  const rules = alarms.map((alarm) => [/, (\w+)\.$/.exec(String(alarm.AlarmDescription))?.[1], ruleOf(alarm)] as const);
  expect(Object.fromEntries(rules)).toEqual({
    BudgetHalfUsed: 'Sum of BudgetHalfUsed{service} >= 1, 1 x 300 s',
    ClientRejected: 'Sum of ClientRejected{service} >= 1, 1 x 300 s',
    ClockSkew: 'Minimum of ClockSkew{service} >= 30000, 1 x 3600 s',
    Crashes: 'Sum of Errors{FunctionName,Resource :http}, Errors{FunctionName,Resource :warmup} >= 1, 1 x 300 s',
    CredentialsRejected: 'Sum of CredentialsRejected{service} >= 1, 1 x 300 s',
    DeniedByBroker: 'Sum of Denied{service} >= 1, 1 x 300 s',
    DeniedByGateway: 'Sum of DeniedByGateway{} >= 20, 1 x 300 s',
    DuplicateUser: 'Sum of DuplicateUser{service} >= 1, 1 x 300 s',
    Errors:
      'Sum of Errors{code internal,service}, Errors{code configuration,service}, ' +
      'Errors{code secret_malformed,service}, Errors{code secret_missing,service}, ' +
      'Errors{code credentials_missing,service} >= 1, 1 x 300 s',
    GatewayFails: 'Sum of GatewayFails{} >= 1, 1 x 300 s',
    Html500Repeated: 'Sum of Html500Repeated{service} >= 1, 1 x 300 s',
    LoginsFail: 'Sum of Logins{service}, Logins{outcome issued,service} >= 1, 3 x 600 s',
    NoWarmUp: 'Sum of WarmUps{service} < 1, 3 x 600 s',
    RetryHeld: 'Sum of RetryHeld{service} >= 1, 3 x 300 s',
    SlowCalls: 'p99 of Duration{FunctionName,Resource :http} >= 3000, 3 x 300 s',
    TableUnavailable: 'Sum of TableUnavailable{service} >= 1, 1 x 300 s',
    Throttles: 'Sum of Throttles{FunctionName} >= 1, 1 x 300 s',
  });
});

type Json = ReturnType<typeof asJson>;

/** Returns the rule of an alarm as text: the statistic of its metrics, the threshold, and the periods. */
function ruleOf(alarm: Json): string {
  const metrics = 'Metrics' in alarm ? listOf(alarm.Metrics).flatMap(statisticOf) : [alarm];
  const only = (values: unknown[]) => [...new Set(values)].join(' and ');
  const what = metrics.map(({ MetricName, Dimensions }) => `${MetricName}{${dimensionsOf(Dimensions)}}`).join(', ');
  const statistic = only(
    metrics.map(({ Statistic, ExtendedStatistic, Stat }) => Statistic ?? ExtendedStatistic ?? Stat),
  );
  const sign = alarm.ComparisonOperator === 'LessThanThreshold' ? '<' : '>=';
  const time = `${alarm.EvaluationPeriods} x ${only(metrics.map(({ Period }) => Period))} s`;
  expect(alarm.ComparisonOperator).toMatch(/^(LessThan|GreaterThanOrEqualTo)Threshold$/);
  return `${statistic} of ${what} ${sign} ${alarm.Threshold}, ${time}`;
}

function statisticOf({ MetricStat }: Json): Json[] {
  return MetricStat === undefined ? [] : [{ ...asJson(MetricStat), ...asJson(asJson(MetricStat).Metric) }];
}

/** Returns the names of the dimensions, with the values that are known before a deployment. */
function dimensionsOf(dimensions: unknown): string {
  return listOf(dimensions ?? [])
    .map(({ Name, Value }) => {
      const known = typeof Value === 'string' ? Value : /":\w+"/.exec(JSON.stringify(Value))?.[0].replaceAll('"', '');
      return known === undefined ? String(Name) : `${Name} ${known}`;
    })
    .join(',');
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(asJson) : [];
}
