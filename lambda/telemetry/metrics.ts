// Makes the members by which a line of the log is metrics too (EMF). Called by telemetry.ts.
import { type MetricName, type metricDimensions, metricNamespace } from './metric-names.ts';

/** A dimension besides `service`, which every metric has. */
export type Dimension = Exclude<keyof typeof metricDimensions, 'service'>;

/** One metric of a line. */
export interface Measured {
  readonly name: MetricName;
  readonly value: number;
  /** @default - a count. The word would be 15 bytes more in each line */
  readonly unit?: 'Seconds' | 'Milliseconds';
  /** One set of dimensions for each: `service` only for `undefined`, otherwise `service` and that one. @default `service` only */
  readonly by?: readonly (Dimension | undefined)[];
}

/**
 * Returns the members of the embedded metric format. The line must have `service` and the dimensions as members. It may have
 * any others, so the audit record is metrics at the same time.
 *
 * @param at epoch milliseconds
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embed(metrics: readonly Measured[], at: number): Readonly<Record<string, unknown>> {
  return {
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
    _aws: { Timestamp: at, CloudWatchMetrics: metrics.map(directiveOf) },
  };
}

function directiveOf({ name, unit, by = [undefined] }: Measured) {
  return {
    Namespace: metricNamespace,
    Dimensions: by.map((dimension) => (dimension === undefined ? ['service'] : ['service', dimension])),
    Metrics: [{ Name: name, ...(unit !== undefined && { Unit: unit }) }],
  };
}
