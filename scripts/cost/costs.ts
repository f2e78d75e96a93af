// Turns what the function uses and what its template has into bills. Called by ../cost.ts and its test.
import type { Line, Term } from './bill.ts';
import { accessLogBytes, billedBytes, ownBytes } from './log-bytes.ts';
import { type Price, prices } from './prices.ts';
import { countStack, type StackCounts } from './template.ts';
import { type Calls, callerArn, daysOfMonth, liveMonth, type Month, makeCalls } from './usage.ts';

/** What cannot be counted here. */
export const assumed = {
  /** Of Fegora's tokens. Minutes. */
  lifetime: 30,
  /** What Lambda bills for a call from memory, and for a warm-up and each of its accounts. Milliseconds. */
  callMs: 2,
  warmUpMs: 50,
  /** Of an item of up to 4 KB. */
  unitsOfWrite: 4,
  /** The longest time between two calls of the key that DynamoDB makes. Minutes. */
  betweenKeyCalls: 5,
} as const;

/** All bills of one month, or of a million calls. */
export interface Costs {
  readonly stack: StackCounts;
  readonly calls: Calls;
  /** One account and no calls, without the dashboard. */
  readonly atRest: readonly Line[];
  readonly dashboard: Line;
  readonly firstCaller: readonly Line[];
  readonly nextCaller: readonly Line[];
  /** Without its secret. */
  readonly nextAccount: readonly Line[];
  readonly secret: Line;
  readonly direct: readonly Line[];
  readonly api: readonly Line[];
}

/** Counts and multiplies. Takes a second. */
export async function countCosts(): Promise<Costs> {
  const [one, two] = [countStack(['main']), countStack(['main', 'second'])];
  const settings = { warmUpMinutes: one.warmUpMinutes, lifetimeMs: assumed.lifetime * 60_000 };
  const { month } = await liveMonth(['main'], settings);
  const both = await liveMonth(['main', 'second'], settings);
  const calls = await makeCalls(both.environment, both.month);
  return {
    stack: one,
    calls,
    atRest: restLines(one, month),
    dashboard: { what: 'dashboard', terms: [term(one.dashboards, 'dashboard', prices.dashboard)], before: 3 },
    ...callerLines(calls),
    nextAccount: accountLines([one, two], [month, both.month], calls),
    secret: { what: 'its secret', terms: [term(two.secrets - one.secrets, 'secret', prices.secret)], before: 0.4 },
    direct: millionLines({ bytes: billedBytes(calls.directLines) + ownBytes(one.systemLogLevel), before: 0.89 }, one),
    api: [
      { what: 'API Gateway', terms: [term(million, 'calls', prices.api)], before: 3.5 },
      ...millionLines({ bytes: apiBytes(one, calls), before: 1.15 }, one),
    ],
  };
}

const million = 1_000_000;

function term(count: number, of: string, price: Price): Term {
  return { count, of, price };
}

function restLines(stack: StackCounts, month: Month): Line[] {
  const logs = month.logBytes + month.warmUps * ownBytes(stack.systemLogLevel);
  return [
    { what: 'key', terms: [term(stack.keys, 'key', prices.key)], before: 1 },
    { what: 'secret', terms: [term(stack.secrets, 'secret', prices.secret)], before: 0.4 },
    {
      what: 'alarms',
      terms: [term(stack.alarmMetrics, `metrics in ${stack.alarms} alarms`, prices.alarm)],
      before: 2,
    },
    { what: 'custom metrics', terms: [term(month.metrics.size, namesOf(month.metrics), prices.metric)], before: 1.8 },
    {
      what: 'Lambda',
      terms: [
        term(month.warmUps, 'warm-ups', prices.invocations),
        term(gbSeconds(stack, month.warmUps, assumed.warmUpMs), 'GB-seconds', prices.lambdaTime),
      ],
      before: 0.01,
    },
    { what: 'DynamoDB', terms: tableTerms(month), before: 0.01 },
    { what: 'Secrets Manager, KMS', terms: [...secretTerms(month), keyTerm], before: 0.04 },
    { what: 'Scheduler', terms: [term(month.warmUps, 'warm-ups', prices.schedule)], before: 0.01 },
    {
      what: 'logs',
      terms: [term(gigabytes(logs), `GB (${month.logLines / daysOfMonth} lines a day)`, prices.logs)],
      before: 0.01,
    },
  ];
}

/** DynamoDB's own calls of the key, for any number of accounts. */
const keyTerm = term((daysOfMonth * 24 * 60) / assumed.betweenKeyCalls, 'calls for the table', prices.keyCalls);

function tableTerms({ tableReads, tableWrites }: Pick<Month, 'tableReads' | 'tableWrites'>): Term[] {
  return [
    term(tableReads, 'reads', prices.tableReads),
    term(
      tableWrites * assumed.unitsOfWrite,
      `units of ${tableWrites.toLocaleString('en-US')} writes`,
      prices.tableWrites,
    ),
  ];
}

/** Secrets Manager calls the key for each read. */
function secretTerms({ secretReads }: Pick<Month, 'secretReads'>): Term[] {
  return [term(secretReads, 'reads', prices.secretReads), term(secretReads, 'calls for them', prices.keyCalls)];
}

function callerLines({ firstCaller, nextCaller }: Calls): Pick<Costs, 'firstCaller' | 'nextCaller'> {
  const line = (count: number, before: number): Line => ({
    what: 'custom metrics',
    terms: [term(count, count === 1 ? 'metric' : 'metrics', prices.metric)],
    before,
  });
  return { firstCaller: [line(firstCaller, 3.6)], nextCaller: [line(nextCaller, 0.6)] };
}

/** The difference between two accounts and one. */
function accountLines([one, two]: [StackCounts, StackCounts], [less, more]: [Month, Month], calls: Calls): Line[] {
  const grown = (name: 'tableReads' | 'tableWrites' | 'secretReads' | 'logBytes') => more[name] - less[name];
  const month = {
    tableReads: grown('tableReads'),
    tableWrites: grown('tableWrites'),
    secretReads: grown('secretReads'),
  };
  const metrics = more.metrics.size - less.metrics.size + calls.nextAccount;
  return [
    { what: 'alarm', terms: [term(two.alarmMetrics - one.alarmMetrics, 'metric', prices.alarm)], before: 0 },
    { what: 'custom metrics, once callers ask for it', terms: [term(metrics, 'metric', prices.metric)], before: 0.6 },
    {
      what: 'logins and warm-ups',
      terms: [
        term(gbSeconds(one, less.warmUps, assumed.warmUpMs), 'GB-seconds', prices.lambdaTime),
        ...tableTerms(month),
        ...secretTerms(month),
        term(gigabytes(grown('logBytes')), 'GB of log', prices.logs),
      ],
      before: 0.05,
    },
  ];
}

function millionLines(
  { bytes, before }: { readonly bytes: number; readonly before: number },
  stack: StackCounts,
): Line[] {
  return [
    { what: 'Lambda, calls', terms: [term(million, 'calls', prices.invocations)], before: 0.2 },
    {
      what: 'Lambda, time',
      terms: [term(gbSeconds(stack, million, assumed.callMs), 'GB-seconds', prices.lambdaTime)],
      before: 0.01,
    },
    { what: 'logs', terms: [term(gigabytes(bytes * million), 'GB', prices.logs)], before },
  ];
}

function apiBytes(stack: StackCounts, { apiLines }: Calls): number {
  return billedBytes(apiLines) + ownBytes(stack.systemLogLevel) + accessLogBytes(stack, callerArn('one'));
}

function gbSeconds({ memoryMb }: StackCounts, count: number, ms: number): number {
  return (count * ms * memoryMb) / 1000 / 1024;
}

/** The smaller of the two that are called GB, so that no bill is higher. */
function gigabytes(bytes: number): number {
  return bytes / 1e9;
}

function namesOf(metrics: ReadonlySet<string>): string {
  const names = [...metrics].map((metric) => `\`${metric.split('|')[1]}\``);
  return `metric (${names.join(', ')})`;
}
