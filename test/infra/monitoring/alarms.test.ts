// Tests the alarms, their descriptions and their runbooks (infra/monitoring/alarms.ts and metrics.ts).
import { readFileSync } from 'node:fs';
import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { alarmNames } from '../../../infra/monitoring/alarm-names.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { arns, stages, templateOf, templateWith } from '../support/synth.ts';

const minimal = templateOf('minimal');
const alarms = propertiesOf('AWS::CloudWatch::Alarm', templateWith({ ...stages.full, warmUpsAtOnce: 20 }));
const byRunbook = new Map(
  alarms.map((alarm) => [/Runbook: docs\/operations\.md, (\w+)\.$/.exec(String(alarm.AlarmDescription))?.[1], alarm]),
);

test('the stack has every alarm, and AccountFails once for each account', () => {
  expect([...byRunbook.keys()].sort()).toEqual([...alarmNames]);
  const about = alarms.map(({ AlarmDescription }) => /^Account ([\w-]+): /.exec(String(AlarmDescription))?.[1]);
  expect(about.filter((account) => account !== undefined)).toEqual(['main', 'nit-2']);
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

test('each severity has its own topic when the settings name two, and none when they name one', () => {
  const urgent = 'arn:aws:sns:us-east-1:111111111111:urgent';
  const actionsOf = (alarmTopicArn: object) => {
    const template = templateWith({ accounts: { main: {} }, alarmTopicArn });
    return propertiesOf('AWS::CloudWatch::Alarm', template).map(({ AlarmDescription, AlarmActions }) => [
      / Severity: (\w+)\. /.exec(String(AlarmDescription))?.[1],
      ...listOfTexts(AlarmActions),
    ]);
  };
  const distinct = (rows: unknown[][]) => [...new Set(rows.map((row) => row.join(' ')))].sort();
  expect(distinct(actionsOf({ urgent, notice: arns.topic }))).toEqual([`notice ${arns.topic}`, `urgent ${urgent}`]);
  expect(distinct(actionsOf({ urgent }))).toEqual(['notice', `urgent ${urgent}`]);
});

test('the alarms that warm-ups must reach at night have no shorter period than the time between two of them', () => {
  const periodsOf = (warmUpMinutes: number) =>
    propertiesOf('AWS::CloudWatch::Alarm', templateWith({ accounts: { main: {} }, warmUpMinutes })).flatMap((alarm) =>
      /, (AccountFails|LoginsFail|SecretUnavailable|TableUnavailable)\.$/.test(String(alarm.AlarmDescription))
        ? [alarm.Period]
        : [],
    );
  expect(periodsOf(1)).toEqual([180, 180, 180, 180]);
  expect(periodsOf(4)).toEqual([180, 180, 180, 180]);
  expect(periodsOf(5)).toEqual([300, 300, 300, 300]);
  expect(periodsOf(10)).toEqual([600, 600, 600, 600]);
});

test('Crashes and Denied add only the metrics that exist', () => {
  expect(JSON.stringify(byRunbook.get('Crashes'))).toContain('"SUM([http, warmup])"');
  expect(JSON.stringify(byRunbook.get('Denied'))).toContain('"SUM([broker, gateway])"');
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
    AccountFails: 'Sum of Failed{account nit-2,service} >= 1, 3 of 5 x 180 s',
    BudgetHalfUsed: 'Sum of BudgetHalfUsed{service} >= 1, 1 of 1 x 300 s',
    CallsFail: 'Average of Failed{service} >= 0.05, 3 of 5 x 180 s',
    ClientRejected: 'Sum of ClientRejected{service} >= 1, 1 of 1 x 300 s',
    ClockSkew: 'Minimum of ClockSkew{service} >= 30000, 2 of 3 x 3600 s',
    Crashes: 'Sum of Errors{FunctionName,Resource :http}, Errors{FunctionName,Resource :warmup} >= 1, 1 of 1 x 300 s',
    CredentialsRejected: 'Sum of CredentialsRejected{service} >= 1, 1 of 1 x 300 s',
    Denied: 'Sum of Denied{service}, DeniedByGateway{} >= 3, 3 of 4 x 300 s',
    GatewayFails: 'Sum of GatewayFails{} >= 1, 3 of 5 x 180 s',
    Html500Repeated: 'Sum of Html500Repeated{service} >= 1, 4 of 5 x 600 s',
    LoginsFail: 'Sum of LoginsFailed{service} >= 1, 3 of 5 x 180 s',
    NoWarmUp: 'Sum of Invocations{FunctionName,Resource :warmup} < 1, 3 of 3 x 600 s',
    OperatorFaults: 'Sum of OperatorFaults{service} >= 1, 1 of 1 x 300 s',
    PausedLong: 'Sum of Paused{service} >= 1, 7 of 8 x 600 s',
    SecretUnavailable: 'Sum of SecretUnavailable{service} >= 1, 3 of 5 x 180 s',
    SecuritySigns: 'Sum of SecuritySigns{service} >= 1, 1 of 1 x 300 s',
    SlowCalls: 'p99 of Duration{FunctionName,Resource :http} >= 3000, 3 of 3 x 300 s',
    TableUnavailable: 'Sum of TableUnavailable{service} >= 1, 3 of 5 x 180 s',
    WarmUpsLost: 'Maximum of ApproximateNumberOfMessagesVisible{QueueName} >= 1, 1 of 1 x 300 s',
    Throttles: 'Sum of Throttles{FunctionName} >= 1, 3 of 5 x 180 s',
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
  const time = `${alarm.DatapointsToAlarm} of ${alarm.EvaluationPeriods} x ${only(metrics.map(({ Period }) => Period))} s`;
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

function listOfTexts(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(asJson) : [];
}
