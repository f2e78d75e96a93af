// Runs one cell of the matrix: one fault of Fegora, for hours, against many environments. Used by matrix.test.ts.
import type { Fault } from '../../../local/fegora/faults.ts';
import { passwordHash } from '../../../local/fegora/passwords.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../cluster.ts';
import { mostWithin } from './tally.ts';

/** What Fegora does. */
export type Trouble = Fault | 'unreachable' | 'handshake hangs';

export interface Cell {
  readonly trouble: Trouble;
  /** Whether the version of the secret logged in before the trouble. */
  readonly isProven: boolean;
  readonly environments: number;
  readonly forMs: number;
  /** How long to call after the trouble until a call is served. Milliseconds. */
  readonly recoveryMs: number;
}

export interface CellResult {
  /** The most sends of the version within 24 hours. */
  readonly sends: number;
  readonly overlapsInside: number;
  readonly overlapsSeen: number;
  readonly isBricked: boolean;
  /** From the end of the trouble to the first call with a token. Infinity: none within `recoveryMs`. Milliseconds. */
  readonly recoveredMs: number;
}

const dayMs = 24 * 3_600_000;
/** How many environments call at the same moment, and the longest time between two such moments. Milliseconds. */
const together = 3;
const longestPauseMs = 10 * 60_000;
const servedPauseMs = 2 * 60_000;

/**
 * Calls some environments at every moment at which a login may start: when the back-off, the lease or the rest of a
 * caller's wait ends. Calls in between are answered without a login, so that 10 calls a second would send no more.
 */
export async function runCell(cell: Cell): Promise<CellResult> {
  const { trouble, isProven, environments, forMs, recoveryMs } = cell;
  const cluster = await startCluster({ environments });
  const { clock, fegora, route } = cluster;
  await (isProven && cluster.askAll());
  begin(cluster, trouble);
  const until = clock.monotonic() + forMs;
  for (let step = 0; clock.monotonic() < until; step++) {
    await callSome(cluster, step, until - clock.monotonic());
  }
  fegora.clearFaults();
  Object.assign(route, { isUnreachable: false, handshakeMs: 0 });
  const recoveredMs = await recover(cluster, recoveryMs);
  const { overlapsInside, overlapsSeen } = fegora.counters();
  const sent = fegora.logins().filter((login) => login.passwordHash === passwordHash(goodPassword));
  return {
    sends: mostWithin(
      sent.slice(isProven ? 1 : 0).map(({ at }) => at),
      dayMs,
    ),
    overlapsInside,
    overlapsSeen,
    isBricked: fegora.counters().users[username]?.bricked === true,
    recoveredMs,
  };
}

function begin({ fegora, route }: Cluster, trouble: Trouble): void {
  if (trouble === 'unreachable') {
    route.isUnreachable = true;
  } else if (trouble === 'handshake hangs') {
    route.handshakeMs = 60_000;
  } else {
    fegora.addFault({ ...trouble, times: null });
  }
}

/** Calls some environments, and lets time pass until the first of them may try again. Whether one was served. */
async function callSome(cluster: Cluster, step: number, mostMs = longestPauseMs): Promise<boolean> {
  const { brokers, ask, until, pass } = cluster;
  const asked = Array.from({ length: Math.min(together, brokers.length) }, (_, index) =>
    ask((step * together + index) % brokers.length),
  );
  const answers = await until(...asked);
  const pauses = answers.map(({ grant, error }) =>
    grant === undefined ? (error?.retryAfterMs ?? longestPauseMs) : servedPauseMs,
  );
  await pass(Math.min(...pauses.map((ms) => Math.ceil(ms) + 1), longestPauseMs, Math.max(1, mostMs)));
  return answers.some(({ grant }) => grant !== undefined);
}

/** Removes the token first, so that only a login can serve. */
async function recover(cluster: Cluster, recoveryMs: number): Promise<number> {
  const { clock, brokers, table, restart } = cluster;
  const { access_token: _, ...row } = table.rows.get(account) ?? {};
  table.rows.set(account, row);
  for (const environment of brokers.keys()) {
    restart(environment);
  }
  const from = clock.monotonic();
  for (let step = 0; clock.monotonic() - from <= recoveryMs; step++) {
    const before = clock.monotonic();
    if (await callSome(cluster, step, recoveryMs)) {
      return before - from;
    }
  }
  return Number.POSITIVE_INFINITY;
}
