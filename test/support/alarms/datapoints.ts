// Reads metrics out of the function's log lines (EMF), as CloudWatch does. Used by the tests of the alarms.

/** One value of one metric. */
export interface Datapoint {
  /** `namespace|name|dimension=value|…`, dimensions sorted. */
  readonly metric: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly value: number;
}

/** Names a metric with its dimensions. */
export function metricKey(namespace: unknown, name: unknown, dimensions: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(dimensions).map(([dimension, value]) => `${dimension}=${String(value)}`);
  return [namespace, name, ...pairs.sort()].join('|');
}

/**
 * Returns the datapoints of one line: none if it has no metrics.
 *
 * @throws Error if a member that the directive names is missing, or has not the type that CloudWatch takes
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function datapointsOf(line: Readonly<Record<string, unknown>>): Datapoint[] {
  const { Timestamp, CloudWatchMetrics = [] } = Object(line._aws);
  const directives: readonly Directive[] = CloudWatchMetrics;
  return directives.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, textOf(line, name)]));
      return Metrics.map(({ Name }) => ({
        metric: metricKey(Namespace, Name, dimensions),
        at: Number(Timestamp),
        value: numberOf(line, Name),
      }));
    }),
  );
}

interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

function textOf(line: Readonly<Record<string, unknown>>, name: string): string {
  const value = line[name];
  if (typeof value !== 'string' || value === '' || value.length > 1024) {
    throw new Error(`the line has no dimension ${name}`);
  }
  return value;
}

function numberOf(line: Readonly<Record<string, unknown>>, name: string): number {
  const value = line[name];
  if (typeof value !== 'number') {
    throw new Error(`the line has no metric ${name}`);
  }
  return value;
}
