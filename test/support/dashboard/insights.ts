// Runs a query on lines of a log, as CloudWatch Logs Insights does. Used by the tests of the dashboard.

/** A line, or a row of a result: values by the name of the field. */
export type Row = Readonly<Record<string, string>>;

/**
 * Returns the rows of the result.
 *
 * @param query commands, without the name of the log
 * @throws Error if the query has what this does not know
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
 */
export function runQuery(query: string, lines: readonly Row[]): readonly Row[] {
  return query.split('\n| ').reduce((rows, line) => {
    const [, name = '', rest = ''] = /^(\w+) (.+)$/.exec(line) ?? [];
    const command = commands[name];
    if (command === undefined) {
      throw new Error(`the evaluator does not know the command ${line}`);
    }
    return command(rest, rows);
  }, lines);
}

type Command = (rest: string, rows: readonly Row[]) => readonly Row[];

const commands: Readonly<Record<string, Command>> = {
  filter: (rest, rows) => rows.filter((row) => rest.split(' and ').every((term) => isTrue(term, row))),
  fields: (rest, rows) => rows.map((row) => ({ ...row, ...computed(rest, row) })),
  display: (rest, rows) => rows.map((row) => computed(rest, row)),
  parse: (rest, rows) => {
    const [, field = '', pattern = ''] = /^(\S+) \/(.+)\/$/.exec(rest) ?? [];
    return rows.map((row) => ({ ...row, ...new RegExp(pattern).exec(row[field] ?? '')?.groups }));
  },
  sort: (rest, rows) => {
    const [, field = ''] = /^(\S+) desc$/.exec(rest) ?? [];
    const compare = (one: Row, other: Row) => collator.compare(other[field] ?? '', one[field] ?? '');
    return rows.toSorted(compare);
  },
  limit: (rest, rows) => rows.slice(0, Number(rest)),
  stats: (rest, rows) => {
    const [, counted = '', by = ''] = /^(.+) by (.+)$/.exec(rest) ?? [];
    const names = by.split(', ');
    const groups = Map.groupBy(rows, (row) => JSON.stringify(names.map((name) => row[name])));
    return [...groups.values()].map((group) => ({ ...picked(names, group[0] ?? {}), ...aggregated(counted, group) }));
  },
};

const collator = new Intl.Collator('en', { numeric: true });

/** A line without the field differs from every value. */
function isTrue(term: string, row: Row): boolean {
  const [, present] = /^ispresent\((\S+)\)$/.exec(term) ?? [];
  if (present !== undefined) {
    return row[present] !== undefined;
  }
  const [, field = '', operator, values = '[]'] = /^(\S+) (=|!=|in) \[?(.+?)\]?$/.exec(term) ?? [];
  if (operator === undefined) {
    throw new Error(`the evaluator does not know the condition ${term}`);
  }
  const isOne = JSON.parse(`[${values}]`).includes(row[field]);
  return operator === '!=' ? !isOne : isOne;
}

function computed(list: string, row: Row): Row {
  const entries = list.split(/, (?![^(]*\))/).flatMap((item) => {
    const [expression = '', name = expression] = item.split(' as ');
    const value = computedValue(expression, row);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

function computedValue(expression: string, row: Row): string | undefined {
  const [, name, list = ''] = /^(\w+)\((.+)\)$/.exec(expression) ?? [];
  const [first = '', second = '', third = ''] = list.split(', ');
  switch (name) {
    case undefined:
      return row[expression];
    case 'coalesce':
      return row[first] ?? row[second];
    case 'substr':
      return row[first]?.slice(Number(second), Number(second) + Number(third));
    default:
      throw new Error(`the evaluator does not know the function ${name}`);
  }
}

function picked(names: readonly string[], row: Row): Row {
  return Object.fromEntries(names.flatMap((name) => (row[name] === undefined ? [] : [[name, row[name]]])));
}

function aggregated(list: string, rows: readonly Row[]): Row {
  const inTime = rows.toSorted((one, other) => collator.compare(one['@timestamp'] ?? '', other['@timestamp'] ?? ''));
  const entries = list.split(', ').map((item) => {
    const [, name, field = '', alias = ''] = /^(\w+)\((\S+)\) as (\w+)$/.exec(item) ?? [];
    switch (name) {
      case 'count':
        return [alias, String(rows.length)];
      case 'earliest':
        return [alias, inTime[0]?.[field] ?? ''];
      case 'latest':
        return [alias, inTime.at(-1)?.[field] ?? ''];
      default:
        throw new Error(`the evaluator does not know the aggregate ${item}`);
    }
  });
  return Object.fromEntries(entries);
}

/** Returns a line of JSON as Logs Insights discovers its fields: members of members, and items by number, with dots. */
export function fieldsOf(value: unknown, name = ''): Row {
  if (typeof value !== 'object' || value === null) {
    return { [name]: String(value) };
  }
  const nested = Object.entries(value).map(([key, member]) => fieldsOf(member, name === '' ? key : `${name}.${key}`));
  return Object.assign({}, ...nested);
}
