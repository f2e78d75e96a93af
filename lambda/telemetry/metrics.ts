// Writes metrics as lines of the log (EMF). Called by telemetry.ts.
import { type metricDimensions, metricNamespace } from './metric-names.ts';
import { type PassingLevel, writeLine } from './record.ts';

type Unit = 'Count' | 'Seconds' | 'Milliseconds';
type Dimensions = Readonly<Partial<Record<keyof typeof metricDimensions, string>>>;
/** Writes metrics that belong together. Each exists by `service` only, and by `service` with each of the dimensions. */
export type Emit = (values: readonly (readonly [name: string, unit: Unit, value: number])[], by?: Dimensions) => void;

/**
 * Creates the function that writes metrics. Each call writes one line: one document with all sets of dimensions.
 *
 * @param service the function's name
 * @param now epoch milliseconds
 * @param passing a document has no level, so it counts as INFO. It gets one only if Lambda would drop it otherwise
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createEmit(service: string, now: () => number, passing: PassingLevel): Emit {
  const level = passing('INFO');
  return (values, by = {}) => {
    const directive = {
      Namespace: metricNamespace,
      Dimensions: [['service'], ...Object.keys(by).map((dimension) => ['service', dimension])],
      Metrics: values.map(([Name, Unit]) => ({ Name, Unit })),
    };
    const at = now();
    writeLine({
      ...(level !== 'INFO' && { level, timestamp: new Date(at).toISOString() }),
      _aws: { Timestamp: at, CloudWatchMetrics: [directive] },
      service,
      ...by,
      ...Object.fromEntries(values.map(([name, , value]) => [name, value])),
    });
  };
}
