// Says what each line of a graph and each column of a table is. Called by the drawing of the dashboard and by its tests.

/** One entry of `metrics`: a metric, or a search for metrics. */
export interface Line {
  readonly namespace: string;
  readonly name: string;
  readonly statistic: string;
  /** Names and values; the value of a dimension that is searched for is `*`. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly label: string;
  readonly isRight: boolean;
}

const search = /SEARCH\('\{([^}]+)\} MetricName="(\w+)" (\w+)="([^"]+)"', '(\w+)'/;

/** @throws Error if the entry is another expression than those searches */
export function lineOf(entry: readonly unknown[]): Line {
  const options = Object(entry.at(-1));
  const shared = { label: String(options.label), isRight: options.yAxis === 'right' };
  if (options.expression === undefined) {
    const [namespace = '', name = '', ...pairs] = entry.slice(0, -1).map(String);
    return { namespace, name, statistic: options.stat ?? 'Average', dimensions: paired(pairs), ...shared };
  }
  const [, schema = '', name = '', known = '', value = '', statistic = ''] = search.exec(options.expression) ?? [];
  const [namespace = '', ...names] = schema.split(',');
  if (namespace === '') {
    throw new Error(`The picture does not know the expression ${options.expression}`);
  }
  const dimensions = Object.fromEntries(names.map((one) => [one, one === known ? value : '*']));
  return { namespace, name, statistic, dimensions, ...shared };
}

function paired(names: readonly string[]): Record<string, string> {
  const pairs = names.flatMap((name, at) => (at % 2 === 0 ? [[name, names[at + 1] ?? '']] : []));
  return Object.fromEntries(pairs);
}

/** The columns of a query's result: those of `display`, or what `stats` groups by and then what it counts. */
export function columnsOf(query: string): string[] {
  const [, shown] = /^\| display (.+)$/m.exec(query) ?? [];
  const [, counted = '', groups = ''] = /^\| stats (.+) by (.+)$/m.exec(query) ?? [];
  const aliases = [...counted.matchAll(/ as (\w+)/g)].map(([, alias = '']) => alias);
  return shown === undefined ? [...groups.split(', '), ...aliases] : shown.split(', ');
}
