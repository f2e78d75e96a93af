import { expect, test } from 'vitest';
import { asJson } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const alarms = Object.values(templateOf('full').findResources('AWS::CloudWatch::Alarm')).map((alarm) =>
  asJson(asJson(alarm).Properties),
);

test('each rings for what it says: the statistic of the very metric, from which value on, for how long', () => {
  const rules = alarms.map((alarm) => [/, (\w+)\.$/.exec(String(alarm.AlarmDescription))?.[1], ruleOf(alarm)] as const);
  expect(Object.fromEntries(rules)).toEqual({
    ClientRejected: 'Sum of ClientRejected{service} >= 1, 1 x 300 s',
    ClockSkew: 'Minimum of ClockSkew{service} >= 30000, 1 x 3600 s',
    Crashes: 'Sum of Errors{FunctionName,Resource :http}, Errors{FunctionName,Resource :warmup} >= 1, 1 x 300 s',
    CredentialsRejected: 'Sum of CredentialsRejected{service} >= 1, 1 x 300 s',
    DeniedByBroker: 'Sum of Denied{service} >= 1, 1 x 300 s',
    DeniedByGateway: 'Sum of DeniedByGateway{} >= 20, 1 x 300 s',
    Errors:
      'Sum of Errors{code internal,service}, Errors{code configuration,service}, ' +
      'Errors{code secret_malformed,service}, Errors{code credentials_missing,service} >= 1, 1 x 300 s',
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

/** Names, with the values that are known before anything is deployed. */
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
