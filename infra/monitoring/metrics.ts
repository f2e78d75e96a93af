import { Aws, Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { metricDimensions, metricNames, metricNamespace } from '../../lambda/telemetry/metric-names.ts';

type Dimension = keyof typeof metricDimensions;

/** The metrics of one broker, which its function's name tells from those of others. */
export interface BrokerMetrics {
  /** One metric; by one more dimension where asked. Five-minute sums where nothing else is said. */
  readonly of: (name: string, options?: MetricOptions, by?: Partial<Record<Dimension, string>>) => Metric;
  /** One line per value that a dimension takes. */
  readonly by: (name: string, dimension: Dimension, statistic: string) => MathExpression;
}

/** @param service the function's name */
export function brokerMetrics(service: string): BrokerMetrics {
  return {
    of: (metricName, options, by = {}) =>
      new Metric({
        namespace: metricNamespace,
        metricName,
        dimensionsMap: { [metricDimensions.service]: service, ...by },
        statistic: 'Sum',
        period: Duration.minutes(5),
        ...options,
      }),
    by: (metricName, dimension, statistic) =>
      new MathExpression({
        expression: `SEARCH('{${metricNamespace},${metricDimensions.service},${metricDimensions[dimension]}} MetricName="${metricName}" ${metricDimensions.service}="${service}"', '${statistic}', 300)`,
        label: '',
        searchRegion: Aws.REGION,
      }),
  };
}

/** Codes that only whoever runs the broker can mend. */
const ownFaults = ['internal', 'configuration', 'secret_malformed', 'credentials_missing'] as const;

/** Failures with one of those codes. */
export function ownErrors(metrics: BrokerMetrics): MathExpression {
  return new MathExpression({
    // A sum over what is there: most of these are never written, and filling them would hide data that comes late.
    expression: `SUM([${ownFaults.join(', ')}])`,
    usingMetrics: Object.fromEntries(ownFaults.map((code) => [code, metrics.of(metricNames.errors, {}, { code })])),
    label: 'Errors of our own',
  });
}

/**
 * Logins of 10 minutes that did not end in a token. The function writes both counts in one document: where one is late, so
 * is the other, and filling makes no false alarm.
 */
export function failedLogins(metrics: BrokerMetrics): MathExpression {
  const period = Duration.minutes(10);
  return new MathExpression({
    expression: 'logins - FILL(issued, 0)',
    usingMetrics: {
      logins: metrics.of(metricNames.logins),
      issued: metrics.of(metricNames.logins, {}, { outcome: 'issued' }),
    },
    period,
    label: 'Logins that failed',
  });
}
