// Reads the alarms of a synthesised template, and says when they ring. Used by the tests of the alarms.
import { type Datapoint, metricKey } from './datapoints.ts';

type Json = Readonly<Record<string, unknown>>;

/** One alarm of the template. */
export interface TemplateAlarm {
  /** The heading of its runbook, with the account if it is about one: `AccountFails main`. */
  readonly name: string;
  readonly severity: string;
  /** The value of a period; undefined if there is none. */
  readonly read: (from: number, to: number, datapoints: DatapointIndex) => number | undefined;
  readonly periodMs: number;
  readonly reached: number;
  readonly of: number;
  readonly isBreaching: (value: number | undefined) => boolean;
}

/** Datapoints by metric, in the order of time. */
export type DatapointIndex = ReadonlyMap<string, readonly Datapoint[]>;

/** Indexes datapoints. */
export function indexOf(datapoints: readonly Datapoint[]): DatapointIndex {
  const index = new Map<string, Datapoint[]>();
  for (const datapoint of datapoints.toSorted((one, other) => one.at - other.at)) {
    index.set(datapoint.metric, [...(index.get(datapoint.metric) ?? []), datapoint]);
  }
  return index;
}

/**
 * Reads one alarm.
 *
 * @param resolve returns the text of a value of the template, which may be an intrinsic function
 * @throws Error if the alarm has what CloudWatch would evaluate in another way than this
 */
export function readAlarm(properties: Json, resolve: (value: unknown) => string): TemplateAlarm {
  const description = String(properties.AlarmDescription);
  const [, runbook] = /Runbook: docs\/operations\.md, (\w+)\.$/.exec(description) ?? [];
  const [, account] = /^Account ([\w-]+): /.exec(description) ?? [];
  const threshold = Number(properties.Threshold);
  const isBelow = properties.ComparisonOperator === 'LessThanThreshold';
  const of = Number(properties.EvaluationPeriods);
  return {
    name: [runbook, account].filter(Boolean).join(' '),
    severity: /Severity: (\w+)\./.exec(description)?.[1] ?? '',
    ...valueReader(properties, resolve),
    reached: Number(properties.DatapointsToAlarm ?? of),
    of,
    isBreaching: (value) => {
      if (value === undefined) {
        return properties.TreatMissingData === 'breaching';
      }
      return isBelow ? value < threshold : value >= threshold;
    },
  };
}

function valueReader(properties: Json, resolve: (value: unknown) => string) {
  if (!Array.isArray(properties.Metrics)) {
    return statReader(properties, resolve);
  }
  const metrics: readonly Json[] = properties.Metrics;
  const expression = metrics.find(({ Expression }) => Expression !== undefined)?.Expression;
  const names = /^SUM\(\[([\w, ]+)\]\)$/.exec(String(expression))?.[1]?.split(', ');
  const readers = metrics.flatMap(({ Id, MetricStat }) => {
    const { Metric, ...stat } = Object(MetricStat);
    return names?.includes(String(Id)) ? [statReader({ ...Metric, ...stat, Statistic: stat.Stat }, resolve)] : [];
  });
  const [first] = readers;
  if (names === undefined || first === undefined || readers.length !== names.length) {
    throw new Error(`the evaluator does not know the expression ${String(expression)}`);
  }
  return { periodMs: first.periodMs, read: sumOf(readers) };
}

/** SUM adds the metrics that exist. */
function sumOf(readers: readonly Pick<TemplateAlarm, 'read'>[]): TemplateAlarm['read'] {
  return (from, to, datapoints) => {
    const values = readers.map(({ read }) => read(from, to, datapoints)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
}

function statReader(stat: Json, resolve: (value: unknown) => string): Pick<TemplateAlarm, 'periodMs' | 'read'> {
  const given: readonly Json[] = Array.isArray(stat.Dimensions) ? stat.Dimensions : [];
  const dimensions = Object.fromEntries(given.map(({ Name, Value }) => [String(Name), resolve(Value)]));
  const metric = metricKey(resolve(stat.Namespace), stat.MetricName, dimensions);
  const aggregate = aggregateOf(String(stat.Statistic ?? stat.ExtendedStatistic));
  return {
    periodMs: Number(stat.Period) * 1000,
    read: (from, to, datapoints) => {
      const inPeriod = (datapoints.get(metric) ?? []).filter(({ at }) => at >= from && at < to);
      return inPeriod.length === 0 ? undefined : aggregate(inPeriod.map(({ value }) => value));
    },
  };
}

function aggregateOf(statistic: string): (values: readonly number[]) => number {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return (values) => sum(values) / values.length;
    case 'Maximum':
      return (values) => Math.max(...values);
    case 'Minimum':
      return (values) => Math.min(...values);
    case 'p99':
      return (values) =>
        values.toSorted((one, other) => one - other)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;
    default:
      throw new Error(`the evaluator does not know the statistic ${statistic}`);
  }
}

const minuteMs = 60_000;

/**
 * Returns the first minute at which the alarm rings, counted from `from`; undefined if it stays quiet. CloudWatch looks each
 * minute at the latest periods, and its window slides: it does not begin at whole multiples of the period.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
 */
export function ringsAfter(alarm: TemplateAlarm, datapoints: DatapointIndex, { from, to }: Span): number | undefined {
  for (let at = from + minuteMs; at <= to; at += minuteMs) {
    const periods = Array.from({ length: alarm.of }, (_, back) => at - back * alarm.periodMs);
    const breaching = periods.filter((end) => alarm.isBreaching(alarm.read(end - alarm.periodMs, end, datapoints)));
    if (breaching.length >= alarm.reached) {
      return (at - from) / minuteMs;
    }
  }
  return undefined;
}

/** Epoch milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}
