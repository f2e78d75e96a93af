// Names the metrics that the function writes, for graphs and alarms. Called by token-broker.ts and its monitoring.
import { Aws, Duration, Token } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { metricDimensions, metricNamespace } from '../../lambda/telemetry/metric-names.ts';

type Dimension = keyof typeof metricDimensions;

/** The metrics of one broker. The dimension `service`, the name of the function, separates them from other brokers. */
export interface BrokerMetrics {
  /** Returns one metric, as sums of 5 minutes by default. `by` adds dimensions with their values. */
  readonly of: (name: string, options?: MetricOptions, by?: Partial<Record<Dimension, string>>) => Metric;
  /** Returns a search with one line for each value of a dimension, at most the ten highest, in periods of 5 minutes. */
  readonly by: (name: string, dimension: Dimension, statistic: string) => MathExpression;
}

/**
 * Returns where the metrics of a broker are, as far as it is known. Without it, an alarm in a stack of another region would
 * watch that region, where the metrics have no data. With it, synth says that an alarm must be in their region.
 */
export function metricPlace({ region, account }: { readonly region: string; readonly account: string }): MetricOptions {
  return {
    ...(!Token.isUnresolved(region) && { region }),
    ...(!Token.isUnresolved(account) && { account }),
  };
}

/**
 * Returns the metrics of one broker.
 *
 * @param service name of the function
 */
export function brokerMetrics(service: string): BrokerMetrics {
  return {
    of: (metricName, options, by = {}) =>
      new Metric({
        namespace: metricNamespace,
        metricName,
        statistic: 'Sum',
        period: Duration.minutes(5),
        ...options,
        dimensionsMap: { ...options?.dimensionsMap, [metricDimensions.service]: service, ...by },
      }),
    by: (metricName, dimension, statistic) =>
      new MathExpression({
        expression: `SORT(SEARCH('{${metricNamespace},${metricDimensions.service},${metricDimensions[dimension]}} MetricName="${metricName}" ${metricDimensions.service}="${service}"', '${statistic}', 300), SUM, DESC, 10)`,
        // CloudWatch fills it in, for each line: the value of the dimension, and the sum over the time that is shown.
        label: `\${PROP('Dim.${metricDimensions[dimension]}')}: \${SUM}`,
        searchRegion: Aws.REGION,
      }),
  };
}
