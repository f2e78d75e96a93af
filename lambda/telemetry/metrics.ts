import { type metricDimensions, metricNamespace } from './metric-names.ts';

type Unit = 'Count' | 'Seconds' | 'Milliseconds';
type Dimensions = Readonly<Partial<Record<keyof typeof metricDimensions, string>>>;
/** Metrics that belong together: each exists by `service` alone, and by each of the dimensions. */
export type Emit = (values: readonly (readonly [name: string, unit: Unit, value: number])[], by?: Dimensions) => void;

/**
 * Writes metrics as lines of the log, each at once and whole: one document with all sets of dimensions.
 *
 * @param service the function's name
 * @param now epoch milliseconds
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createEmit(service: string, now: () => number): Emit {
  return (values, by = {}) => {
    const directive = {
      Namespace: metricNamespace,
      Dimensions: [['service'], ...Object.keys(by).map((dimension) => ['service', dimension])],
      Metrics: values.map(([Name, Unit]) => ({ Name, Unit })),
    };
    const document = {
      _aws: { Timestamp: now(), CloudWatchMetrics: [directive] },
      service,
      ...by,
      ...Object.fromEntries(values.map(([name, , value]) => [name, value])),
    };
    // Straight to the stream: Lambda wraps what goes through the console.
    process.stdout.write(`${JSON.stringify(document)}\n`);
  };
}
