// Says which metric each alarm watches. Called by alarms.ts.
import type { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { metricNames } from '../../lambda/telemetry/metric-names.ts';
import type { GatewayMetrics } from '../api/access-log.ts';
import type { BrokerFunction } from '../resources/function.ts';
import type { AlarmName } from './alarm-names.ts';
import type { BrokerMetrics } from './metrics.ts';

/** Where metrics come from. */
export interface MetricSources {
  readonly metrics: BrokerMetrics;
  readonly broker: BrokerFunction;
  /** Counts of API Gateway's own answers. Undefined if there is no access log. */
  readonly gatewayMetrics?: GatewayMetrics | undefined;
  /** What the queue of warm-ups gave up. Undefined if there is no queue. */
  readonly deadLetters?: IQueue | undefined;
}

/** Returns the metric of an alarm, in periods of this length. Undefined if the stack does not have the metric. */
export type AlarmMetric = (period: Duration) => IMetric | undefined;

/** The metrics of all alarms but `AccountFails`. Without a comment, it is a sum of the function's own metric. */
export function alarmMetrics(
  sources: MetricSources,
): Readonly<Record<Exclude<AlarmName, 'AccountFails'>, AlarmMetric>> {
  const of = (name: string, options: MetricOptions = {}): AlarmMetric => {
    return (period) => sources.metrics.of(name, { ...options, period });
  };
  return {
    CallsFail: of(metricNames.failed, { statistic: Stats.AVERAGE }),
    SecuritySigns: of(metricNames.securitySigns),
    CredentialsRejected: of(metricNames.credentialsRejected),
    ClientRejected: of(metricNames.clientRejected),
    Html500Repeated: of(metricNames.html500Repeated),
    OperatorFaults: of(metricNames.operatorFaults),
    LoginsFail: of(metricNames.loginsFailed),
    SecretUnavailable: of(metricNames.secretUnavailable),
    TableUnavailable: of(metricNames.tableUnavailable),
    BudgetHalfUsed: of(metricNames.budgetHalfUsed),
    PausedLong: of(metricNames.paused),
    // Only what is off by seconds is written: even the lowest value of an hour is too high.
    ClockSkew: of(metricNames.clockSkew, { statistic: Stats.MINIMUM }),
    ...lambdaMetrics(sources),
    ...gatewayMetrics(sources),
  };
}

/** Lambda's own metrics and that of the queue, which are free. */
function lambdaMetrics({ broker, deadLetters }: MetricSources) {
  return {
    Crashes: (period: Duration) =>
      new MathExpression({
        expression: 'SUM([http, warmup])',
        usingMetrics: { http: broker.http.metricErrors(), warmup: broker.warmup.metricErrors() },
        label: 'Crashes and time-outs',
        period,
      }),
    Throttles: (period: Duration) => broker.function.metricThrottles({ period }),
    SlowCalls: (period: Duration) => broker.http.metricDuration({ statistic: Stats.p(99), period }),
    WarmUpsLost: (period: Duration) =>
      deadLetters?.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period }),
    NoWarmUp: (period: Duration) => broker.warmup.metricInvocations({ period }),
  };
}

/** What API Gateway refuses, and what the broker refuses because of the caller, are one question: who is refused? */
function gatewayMetrics({ metrics, gatewayMetrics: gateway }: MetricSources) {
  return {
    GatewayFails: (period: Duration) => gateway?.failures.with({ period }),
    Denied: (period: Duration) =>
      gateway === undefined
        ? metrics.of(metricNames.denied, { period })
        : new MathExpression({
            // SUM adds only the metrics that exist.
            expression: 'SUM([broker, gateway])',
            usingMetrics: { broker: metrics.of(metricNames.denied), gateway: gateway.denials },
            label: 'Refused calls',
            period,
          }),
  };
}
