// DynamoDB in memory, for virtual time. Used by table-harness.ts, the test cluster and unit tests.
import { isDeepStrictEqual } from 'node:util';
import type { CallDynamo } from '../../lambda/aws/call-dynamo.ts';
import { DynamoFault } from '../../lambda/aws/call-dynamo.ts';

type Attribute = { S?: string; N?: string; BOOL?: boolean; SS?: string[] };
type Row = Record<string, Attribute>;

/** The input of UpdateItem. */
interface UpdateInput {
  readonly Key: { readonly account: { readonly S: string } };
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, Attribute>>;
}

/** DynamoDB in memory. It has only the expressions that the token table uses. */
export interface MemoryDynamo {
  readonly call: CallDynamo;
  readonly rows: Map<string, Row>;
}

/**
 * Creates an empty table.
 *
 * @param now the time in the `Date` header of answers. Epoch milliseconds
 */
export function createMemoryDynamo(now: () => number): MemoryDynamo {
  const rows = new Map<string, Row>();
  const call: CallDynamo = async (operation, input) => {
    await Promise.resolve();
    const at = { at: Math.floor(now() / 1000) * 1000 };
    // The contract suite checks that the token table passes only what DynamoDB takes.
    const update = input as unknown as UpdateInput;
    const account = update.Key.account.S;
    if (operation === 'GetItem') {
      return { output: structuredClone({ Item: rows.get(account) }), ...at };
    }
    rows.set(account, updated(rows.get(account) ?? { account: { S: account } }, rows.has(account), update));
    return { output: {}, ...at };
  };
  return { call, rows };
}

function updated(row: Row, exists: boolean, update: UpdateInput): Row {
  const before = exists ? row : {};
  if (update.ConditionExpression !== undefined && !holds(update.ConditionExpression, before, update)) {
    throw new DynamoFault('ConditionalCheckFailedException', 400, exists ? structuredClone(row) : undefined);
  }
  const after = structuredClone(row);
  for (const [, verb, clauses] of update.UpdateExpression.matchAll(
    /(SET|ADD|REMOVE|DELETE) (.*?)(?= (?:SET|ADD|REMOVE|DELETE) |$)/g,
  )) {
    for (const clause of (clauses ?? '').split(/, (?=#)/)) {
      applyClause(verb ?? '', clause, { before, after, update });
    }
  }
  return after;
}

/** The row before and after one update. */
interface RowChange {
  readonly before: Row;
  readonly after: Row;
  readonly update: UpdateInput;
}

function applyClause(verb: string, clause: string, { before, after, update }: RowChange): void {
  const [target = '', ...rest] = clause.split(' ');
  const name = nameOf(target, update);
  const value = meaningOf(rest.at(-1)?.replace(')', '') ?? '', update);
  const stored = before[name];
  if (verb === 'REMOVE') {
    delete after[name];
  } else if (verb === 'SET') {
    after[name] = (clause.includes('if_not_exists') ? stored : undefined) ?? required(value);
  } else if (value?.N !== undefined) {
    after[name] = { N: String(Number(stored?.N ?? 0) + Number(value.N)) };
  } else {
    keepSet(after, name, joined(verb, stored?.SS ?? [], value?.SS ?? []));
  }
}

/** DynamoDB has no empty sets: it removes the attribute with the last member. */
function keepSet(after: Row, name: string, members: string[]): void {
  if (members.length === 0) {
    delete after[name];
  } else {
    after[name] = { SS: members };
  }
}

function joined(verb: string, before: readonly string[], members: readonly string[]): string[] {
  return verb === 'ADD' ? [...new Set([...before, ...members])] : before.filter((member) => !members.includes(member));
}

/** Whether a condition holds. It is a chain of OR and AND with at most one level of parentheses. */
function holds(condition: string, row: Row, update: UpdateInput): boolean {
  const inner = condition.match(/ AND \((?<inner>.*)\)$/)?.groups?.inner;
  if (inner !== undefined) {
    return holds(condition.slice(0, condition.indexOf(' AND (')), row, update) && holds(inner, row, update);
  }
  return condition
    .split(' OR ')
    .some((term) => term.split(' AND ').every((factor) => factorHolds(factor, row, update)));
}

function factorHolds(factor: string, row: Row, update: UpdateInput): boolean {
  if (factor.startsWith('NOT ')) {
    return !factorHolds(factor.slice(4), row, update);
  }
  const absent = factor.match(/^attribute_not_exists\((?<name>#\w+)\)$/)?.groups?.name;
  if (absent !== undefined) {
    return row[nameOf(absent, update)] === undefined;
  }
  const [left = '', operator, right = ''] = factor.split(' ');
  const stored = row[nameOf(left, update)];
  const value = required(meaningOf(right, update));
  if (operator === '=') {
    return stored?.N === undefined ? isDeepStrictEqual(stored, value) : Number(stored.N) === Number(value.N);
  }
  if (operator === '<' || operator === '>=') {
    return stored?.N !== undefined && Number(stored.N) < Number(value.N) === (operator === '<');
  }
  throw new Error(`memory-dynamo does not have this condition: ${factor}`);
}

function nameOf(placeholder: string, update: UpdateInput): string {
  return required(update.ExpressionAttributeNames[placeholder]);
}

function meaningOf(placeholder: string, update: UpdateInput): Attribute | undefined {
  return update.ExpressionAttributeValues[placeholder];
}

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('a placeholder has no value');
  }
  return value;
}
