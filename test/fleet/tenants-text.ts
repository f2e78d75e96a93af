// Writes what the callers of very many accounts cost, for people. Used by main.ts.
import { type Price, prices } from '../../scripts/cost/prices.ts';
import type { Tenants } from './tenants.ts';

const daysOfMonth = 30;
const memoryGb = 0.5;
/** Lambda's five pollers ask an empty queue every 20 s. */
const emptyReadsOfDay = 5 * 3 * 60 * 24;

/** Lines of names and values. */
export function tenantsText(of: Tenants): string {
  const eachDay = (count: number) => (count / of.accounts / of.days).toFixed(1);
  const errors = Object.entries(of.errors).map(([code, count]) => `${count} ${code}`);
  const lines = [
    ['accounts, days', `${of.accounts}, ${of.days}`],
    ['calls', `${of.calls}, longest wait ${Math.round(of.longestMs)} ms`],
    ['caller errors', errors.join(', ') || 0],
    ['calls without a token', `${of.coldCalls} of accounts in use`],
    ['calls in last seconds', of.lastSecondCalls],
    ['calls that waited', of.slowCalls],
    ['logins', `${of.logins}, ${eachDay(of.logins)} an account and day, at most ${of.mostInFlight} at the same time`],
    ['overlapping logins', of.overlaps],
    ['warm-ups at once', of.mostWarmUps],
    ['reads', `${of.reads}, ${eachDay(of.reads)} an account and day`],
    ['writes', `${of.writes}, ${eachDay(of.writes)} an account and day, ${of.throttled} requests throttled`],
    ['index', `${of.index.queries} queries, ${of.index.reads} read units, ${of.index.writes} write units`],
    ['queue', queueText(of)],
    ['ticks', of.ticks],
    ['dollars a month', dollarsText(of)],
  ];
  return lines.map(([name, value]) => `${String(name).padEnd(24)}${value}`).join('\n');
}

function queueText({ queue }: Tenants): string {
  const { messages, invocations, longest, expired, dead } = queue;
  return `${messages} messages, ${invocations} invocations, at most ${longest} waiting, ${expired} expired, ${dead} dead`;
}

/** What warm-ups, logins and the table cost, without the invocations of callers, the API and the log. */
function dollarsText(of: Tenants): string {
  const month = daysOfMonth / of.days;
  const usd = (count: number, { usd: price, per }: Price) => (count * month * Number(price)) / (per ?? 1);
  const requests = of.queue.messages / 10 + 2 * of.queue.invocations + emptyReadsOfDay * of.days;
  const parts = {
    'reads of the table': usd(of.readUnits, prices.tableReads),
    'writes of the table': usd(of.writeUnits, prices.tableWrites),
    'reads of the index': usd(of.index.reads, prices.tableReads),
    'writes of the index': usd(of.index.writes, prices.tableWrites),
    queue: usd(requests, prices.queueRequests),
    invocations: usd(of.queue.invocations + of.ticks, prices.invocations),
    'time of Lambda': usd((of.warmUpMs / 1000) * memoryGb, prices.lambdaTime),
    // An environment forgets a secret sooner than a token is renewed.
    'reads of secrets': usd(of.logins, prices.secretReads),
    'calls of the key': usd(of.logins, prices.keyCalls),
    schedule: usd(of.ticks, prices.schedule),
  };
  const sum = Object.values(parts).reduce((total, part) => total + part, 0);
  const list = Object.entries(parts).map(([name, part]) => `${name} ${part.toFixed(2)}`);
  const secrets = of.accounts * Number(prices.secret.usd);
  return `${sum.toFixed(2)} (${list.join(', ')}), and ${secrets.toFixed(2)} for the secrets`;
}
