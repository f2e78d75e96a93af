import { parseArgs } from 'node:util';
import type { FegoraSimulator } from '../../local/fegora/simulator.ts';
import { type Process, type Reply, startProcesses } from './process.ts';
import { startServers } from './servers.ts';

export interface StampedeOptions {
  readonly processes: number;
  readonly rounds: number;
}

/** What became of all rounds together. */
export interface Stampede {
  readonly rounds: number;
  readonly calls: number;
  /** Tokens that Fegora issued. */
  readonly logins: number;
  /** Most logins of one round. */
  readonly mostLogins: number;
  /** Pairs of logins of one account that were in flight at once. */
  readonly overlaps: number;
  readonly bricked: number;
  readonly callerErrors: number;
  /** Their codes. */
  readonly errorCodes: readonly string[];
  /** Tokens that were handed out beside the one of the round. */
  readonly strangers: number;
  /** Claims that were not used, because too long went by before the first byte. */
  readonly givenUp: number;
  /** Milliseconds that half of the callers, and all but one in a hundred, waited at most. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Long enough for the order to have reached every process. Milliseconds. */
const barrierMs = 250;
/** What a login takes at Fegora. Milliseconds. */
const loginMs = 50;

/**
 * Real processes, loaded, let loose on one account at the same moment; in every round on an account that nobody has
 * logged in for. One table, one Fegora, one Secrets Manager, all over HTTP.
 */
export async function runStampede({ processes, rounds }: StampedeOptions): Promise<Stampede> {
  const accounts = Array.from({ length: rounds }, (_, round) => `round-${round + 1}`);
  const rehearsals = Array.from({ length: processes }, (_, index) => `rehearsal-${index + 1}`);
  const servers = await startServers([...accounts, ...rehearsals], { delayMs: loginMs });
  const started = await startProcesses(servers.env, rehearsals);
  servers.fegora.resetCounters();
  try {
    const replies: Reply[][] = [];
    for (const account of accounts) {
      const at = Date.now() + barrierMs;
      replies.push(await Promise.all(started.map((one) => one.ask(account, at))));
    }
    return resultOf(replies, servers.fegora.counters(), started);
  } finally {
    await Promise.all(started.map((one) => one.end()));
    await servers.close();
  }
}

type Counters = ReturnType<FegoraSimulator['counters']>;

function resultOf(replies: readonly Reply[][], counters: Counters, processes: readonly Process[]): Stampede {
  const all = replies.flat();
  const users = Object.values(counters.users);
  const waits = all.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const tokens = replies.map((round) => new Set(round.flatMap(({ fingerprint = [] }) => fingerprint)).size);
  return {
    rounds: replies.length,
    calls: all.length,
    logins: counters.logins,
    mostLogins: Math.max(...users.map(({ attempts }) => attempts)),
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

/** Whether everything that is promised of a stampede was kept. */
export function isKept({ rounds, logins, mostLogins, overlaps, bricked, callerErrors, strangers }: Stampede): boolean {
  return logins === rounds && mostLogins === 1 && overlaps + bricked + callerErrors + strangers === 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { processes: { type: 'string', default: '50' }, rounds: { type: 'string', default: '20' } },
  });
  const stampede = await runStampede({ processes: Number(values.processes), rounds: Number(values.rounds) });
  const lines = [
    ['processes', values.processes],
    ['rounds', stampede.rounds],
    ['calls', stampede.calls],
    ['logins', stampede.logins],
    ['overlapping logins', stampede.overlaps],
    ['bricked accounts', stampede.bricked],
    ['caller errors', [stampede.callerErrors, ...stampede.errorCodes].join(' ')],
    ['claims given up by the guard', stampede.givenUp],
    ['p50 wait', `${stampede.p50Ms} ms`],
    ['p99 wait', `${stampede.p99Ms} ms`],
  ];
  console.log(lines.map(([name, value]) => `${String(name).padEnd(30)}${value}`).join('\n'));
  process.exitCode = isKept(stampede) ? 0 : 1;
}

if (import.meta.main) {
  await main();
}
