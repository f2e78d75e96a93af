import { Aws, Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { metricDimensions, metricNamespace } from '../lambda/config.ts';

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
