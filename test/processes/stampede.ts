// Lets many real processes ask at the same moment. Run by `npm run stampede` and stampede.test.ts.
import type { GrantType } from '../../lambda/broker/ports.ts';
import type { FegoraSimulator } from '../../local/fegora/simulator.ts';
import { optionsOf } from '../../scripts/arguments.ts';
import { type PartitionLimits, partitionLimits } from '../fleet/partition.ts';
import { type Process, type Reply, startProcesses } from './process.ts';
import { leaveRefreshTokens } from './renewal.ts';
import { startServers } from './servers.ts';
import type { ThrottlingProxy } from './throttling-proxy.ts';

export interface StampedeOptions {
  readonly processes: number;
  readonly rounds: number;
  /** @default the table never throttles */
  readonly limits?: PartitionLimits | undefined;
  /** With `refresh_token`, the token of each account has expired, and has left its refresh token. @default `password` */
  readonly renewWith?: GrantType;
}

/** The results of all rounds together. */
export interface Stampede {
  readonly rounds: number;
  readonly calls: number;
  /** Tokens that Fegora issued. */
  readonly logins: number;
  /** Passwords that were sent. */
  readonly passwords: number;
  /** The largest number of logins in one round. */
  readonly mostLogins: number;
  /** Pairs of logins of one account that were in flight at the same time. */
  readonly overlaps: number;
  /** Accounts that Fegora cannot log in any more, because logins overlapped. */
  readonly bricked: number;
  readonly callerErrors: number;
  /** The codes of `callerErrors`. */
  readonly errorCodes: readonly string[];
  /** Tokens that callers got in addition to the one token of each round. */
  readonly strangers: number;
  /** Claims without a login, because the guard stopped the login before its first byte. */
  readonly givenUp: number;
  /** The 50th and 99th percentile of the callers' waits. Milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests to the table for each call, and those that it throttled; absent if the table has no limits. */
  readonly table?: { readonly readsEach: number; readonly writesEach: number; readonly throttled: number };
}

/** Time between the message to all processes and their calls. Milliseconds. */
const releaseAfterMs = 250;
/** How long Fegora takes for a login. Milliseconds. */
const loginMs = 50;

/**
 * Lets real, loaded processes ask for a token of one account at the same moment. In password mode, each round has an account
 * without any login before. All processes share one table, one Fegora and one Secrets Manager over HTTP.
 */
export async function runStampede({
  processes,
  rounds,
  limits,
  renewWith = 'password',
}: StampedeOptions): Promise<Stampede> {
  const accounts = Array.from({ length: rounds }, (_, round) => `round-${round + 1}`);
  const warmUpAccounts = Array.from({ length: processes }, (_, index) => `warm-up-${index + 1}`);
  const servers = await startServers([...accounts, ...warmUpAccounts], { delayMs: loginMs, limits, renewWith });
  const started = await startProcesses(servers.env, warmUpAccounts);
  servers.fegora.resetCounters();
  if (renewWith === 'refresh_token') {
    await leaveRefreshTokens(servers, accounts);
  }
  const before = { ...servers.requests };
  try {
    const replies: Reply[][] = [];
    for (const account of accounts) {
      const at = Date.now() + releaseAfterMs;
      replies.push(await Promise.all(started.map((one) => one.ask(account, at))));
    }
    const table = tableLoad(before, servers.requests, processes * rounds);
    return { ...resultOf(replies, servers.fegora.counters(), started), ...table };
  } finally {
    await Promise.all(started.map((one) => one.end()));
    await servers.close();
  }
}

type Requests = Partial<ThrottlingProxy['counts']>;

/** What the table was asked in all rounds, warm-ups left out. */
function tableLoad(before: Requests, after: Requests | undefined, calls: number): Pick<Stampede, 'table'> {
  if (after === undefined) {
    return {};
  }
  const between = (name: keyof Requests) => (after[name] ?? 0) - (before[name] ?? 0);
  const [reads, writes] = [between('reads') / calls, between('writes') / calls];
  return { table: { readsEach: reads, writesEach: writes, throttled: between('throttled') } };
}

type Counters = ReturnType<FegoraSimulator['counters']>;

function resultOf(
  replies: readonly Reply[][],
  counters: Counters,
  processes: readonly Process[],
): Omit<Stampede, 'table'> {
  const all = replies.flat();
  const users = Object.values(counters.users);
  const waits = all.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const tokens = replies.map((round) => new Set(round.flatMap(({ fingerprint = [] }) => fingerprint)).size);
  return {
    rounds: replies.length,
    calls: all.length,
    logins: counters.logins + counters.refreshes,
    passwords: counters.attempts,
    mostLogins: Math.max(...users.map(({ attempts, refreshAttempts }) => attempts + refreshAttempts)),
    overlaps: counters.overlapsSeen + counters.overlapsInside,
    bricked: users.filter(({ bricked }) => bricked).length,
    callerErrors: all.filter(({ error }) => error !== undefined).length,
    errorCodes: [...new Set(all.flatMap(({ error = [] }) => error))].sort(),
    strangers: tokens.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    givenUp: processes.reduce((sum, one) => sum + one.logged('guard_expired'), 0),
    p50Ms: percentile(waits, 0.5),
    p99Ms: percentile(waits, 0.99),
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

/** Limits that are as tight for so few processes as those of a partition are for 3,000 environments. */
export function scaledLimits(processes: number): PartitionLimits {
  const share = processes / 3000;
  return { reads: Math.ceil(partitionLimits.reads * share), writes: Math.ceil(partitionLimits.writes * share) };
}

/** Whether the stampede kept promise 2. */
export function isKept({ rounds, logins, mostLogins, overlaps, bricked, callerErrors, strangers }: Stampede): boolean {
  return logins === rounds && mostLogins === 1 && overlaps + bricked + callerErrors + strangers === 0;
}

const usage = `Lets real processes ask for a token of one account at the same moment.

  npm run stampede -- [options]

  --processes <n>  processes that ask (default: 50)
  --rounds <n>     rounds, each with an account of its own (default: 20)
  --throttle       put the limits of one DynamoDB partition, in proportion to the processes, in front of the table
  --refresh        let the accounts renew an expired token by refresh token
  --help           print this help
`;

async function main(): Promise<void> {
  const values = optionsOf(usage, {
    processes: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '20' },
    throttle: { type: 'boolean', default: false },
    refresh: { type: 'boolean', default: false },
  });
  const processes = Number(values.processes);
  const limits = values.throttle ? scaledLimits(processes) : undefined;
  const renewWith = values.refresh ? 'refresh_token' : 'password';
  const stampede = await runStampede({ processes, rounds: Number(values.rounds), limits, renewWith });
  const lines = [
    ['processes', values.processes],
    ['rounds', stampede.rounds],
    ['calls', stampede.calls],
    ['logins', stampede.logins],
    ['passwords sent', stampede.passwords],
    ['overlapping logins', stampede.overlaps],
    ['bricked accounts', stampede.bricked],
    ['caller errors', [stampede.callerErrors, ...stampede.errorCodes].join(' ')],
    ['claims stopped by the guard', stampede.givenUp],
    ['wait, 50th percentile', `${stampede.p50Ms} ms`],
    ['wait, 99th percentile', `${stampede.p99Ms} ms`],
    ...Object.entries(stampede.table ?? {}).map(([name, value]) => [
      `table, ${name}`,
      String(Math.round(value * 100) / 100),
    ]),
  ];
  console.log(lines.map(([name, value]) => `${String(name).padEnd(30)}${value}`).join('\n'));
  process.exitCode = isKept(stampede) ? 0 : 1;
}

if (import.meta.main) {
  await main();
}
