// Reads which metrics the lines of the log write (EMF). Called by costs.ts.

/** One directive of a line. */
interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

/**
 * Returns what CloudWatch bills: each metric with each set of values of its dimensions, once.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricsOf(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => metricsOfLine(JSON.parse(line))));
}

function metricsOfLine(line: Readonly<Record<string, unknown>>): string[] {
  const directives: readonly Directive[] = Object(line._aws).CloudWatchMetrics ?? [];
  return directives.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const values = names.map((name) => `${name}=${String(line[name])}`);
      return Metrics.map(({ Name }) => [Namespace, Name, ...values.sort()].join('|'));
    }),
  );
}
