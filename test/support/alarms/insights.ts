// Runs queries of CloudWatch Logs Insights on lines of our logs, as far as the runbooks use the language. Used by their tests.

type Line = Readonly<Record<string, unknown>>;

/** One step of a query. */
type Step = (lines: readonly Line[]) => readonly Line[];

/** A query that has been understood. */
export interface Query {
  /** The fields of lines that the query reads. */
  readonly fields: readonly string[];
  readonly run: Step;
}

const name = String.raw`@?[A-Za-z_][\w.]*`;

/**
 * Reads a query.
 *
 * @throws Error if it has anything that this file does not know
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
 */
export function parseQuery(text: string): Query {
  const fields = new Set<string>();
  const made = new Set<string>();
  const use = (field: string) => {
    if (!made.has(field)) {
      fields.add(field);
    }
    return field;
  };
  const steps = text.split(/\n\| /).map((line) => {
    const [, command = '', rest = ''] = /^(\w+) ([\s\S]+)$/.exec(line.trim()) ?? [];
    switch (command) {
      case 'filter':
        return filterOf(rest, use);
      case 'stats':
        return statsOf(rest, use, made);
      case 'sort':
        return sortOf(rest, use);
      case 'fields':
        rest.split(', ').map((field) => use(matched(`^(${name})$`, field)));
        return (lines: readonly Line[]) => lines;
      default:
        throw new Error(`the query has an unknown command: ${line}`);
    }
  });
  return { fields: [...fields], run: (lines) => steps.reduce((left, step) => step(left), lines) };
}

/** `or` binds less than `and`. */
function filterOf(text: string, use: (field: string) => string): Step {
  const any = text.split(' or ').map((all) => all.split(' and ').map((condition) => conditionOf(condition, use)));
  return (lines) => lines.filter((line) => any.some((all) => all.every((holds) => holds(line))));
}

function conditionOf(text: string, use: (field: string) => string): (line: Line) => boolean {
  const [, field = '', operator = '', operand = ''] =
    new RegExp(String.raw`^(${name}) (=|!=|in|not in|like) (".*"|\d+|\[.*\]|/.*/)$`).exec(text) ?? [];
  use(matched('(.+)', field));
  const values = [...operand.matchAll(/"([^"]*)"|(\d+)/g)].map(([, quoted, number]) => quoted ?? number);
  const isAmong = (line: Line) => values.includes(textOf(line, field));
  const pattern = operator === 'like' ? new RegExp(operand.slice(1, -1)) : /$^/;
  switch (operator) {
    case '=':
    case 'in':
      return isAmong;
    case '!=':
    case 'not in':
      return (line) => !isAmong(line);
    default:
      return (line) => pattern.test(textOf(line, field));
  }
}

function statsOf(text: string, use: (field: string) => string, made: Set<string>): Step {
  const [, functions = '', by] = /^(.+?)(?: by (.+))?$/.exec(text) ?? [];
  const groups = (by?.split(', ') ?? []).map((field) => use(matched(`^(${name})$`, field)));
  const values = functions.split(', ').map((each) => {
    const [, kind = '', of = '', as = ''] =
      new RegExp(String.raw`^(count|max)\((\*|${name})\) as (\w+)$`).exec(each) ?? [];
    if (matched('(count|max)', kind) === 'max') {
      use(of);
    }
    made.add(as);
    return { as, value: (lines: readonly Line[]) => (kind === 'count' ? lines.length : maximumOf(lines, of)) };
  });
  return (lines) => {
    const rows = Map.groupBy(lines, (line) => JSON.stringify(groups.map((group) => textOf(line, group))));
    return [...rows.values()].map((row) => ({
      ...Object.fromEntries(groups.map((group) => [group, textOf(row[0] ?? {}, group)])),
      ...Object.fromEntries(values.map(({ as, value }) => [as, value(row)])),
    }));
  };
}

function sortOf(text: string, use: (field: string) => string): Step {
  const field = use(matched(`^(${name}) desc$`, text));
  return (lines) => lines.toSorted((one, other) => Number(other[field] ?? 0) - Number(one[field] ?? 0));
}

function maximumOf(lines: readonly Line[], field: string): unknown {
  return lines.map((line) => line[field]).reduce((most, value) => (Number(value) > Number(most) ? value : most));
}

/** The value as text; a member of an object or list is named with dots, as Logs Insights flattens lines. */
function textOf(line: Line, field: string): string {
  const value = field.split('.').reduce<unknown>((of, part) => Object(of)[part], line);
  return value === undefined || value === null ? '' : String(value);
}

function matched(pattern: string, text: string): string {
  const [, found] = new RegExp(pattern).exec(text) ?? [];
  if (found === undefined) {
    throw new Error(`the query has an unknown part: ${text}`);
  }
  return found;
}
