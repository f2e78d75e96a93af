// Lets very many environments ask at once, and for days, on virtual time. Run by main.ts and fleet.test.ts.
import { createRandom } from '../support/cluster/observations.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';
import { type Answer, ask, type Environment, type Scene, startEnvironment, warmUp } from './environment.ts';
import { createPartitions, type PartitionLimits, partitionLimits, type TableRequest } from './partition.ts';
import { createUpstream } from './upstream.ts';

export interface FleetOptions {
  /** Environments that all start at the same moment. */
  readonly environments: number;
  /** How long Fegora takes for a login. Milliseconds. @default 1000 */
  readonly loginMs?: number;
  /** What one key of the table gives. @default what DynamoDB gives one partition */
  readonly limits?: PartitionLimits | undefined;
  /** Whether the table never throttles, whatever the limits are. @default false */
  readonly isUnlimited?: boolean;
  /** Whether the account has never logged in before; else its token has expired. @default false */
  readonly isNew?: boolean;
  /** Accounts, which the environments are called for in turn. @default 1 */
  readonly accounts?: number;
  /** How long the environments are called after their first call, every 5 minutes; the schedule runs every 4. @default 0 */
  readonly days?: number;
}

/** How the callers fared, and what it cost. Times in milliseconds. */
export interface Fleet {
  readonly environments: number;
  readonly logins: number;
  /** The most logins at the same time, of all users together. */
  readonly mostInFlight: number;
  readonly calls: number;
  readonly overlaps: number;
  readonly connections: number;
  /** Caller errors by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly reads: Load;
  readonly writes: Load;
  readonly secretReads: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** Requests that the table got, throttled ones included. */
export interface Load {
  readonly total: number;
  readonly throttled: number;
  /** In the first second, for each environment. */
  readonly inFirstSecondEach: number;
  readonly mostInASecond: number;
}

const connectMs = 120;
const lifetimeMs = 1_800_000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Lets every environment make the first call of its life at the same moment, and then calls them for some days. */
export async function runFleet(options: FleetOptions): Promise<Fleet> {
  const { environments, loginMs = 1000, limits = partitionLimits, isUnlimited = false, isNew = false } = options;
  const { accounts: accountCount = 1, days = 0 } = options;
  const clock = createVirtualClock(undefined, () => settle(2));
  const random = createRandom();
  const table = createPartitions({ clock, random, limits: isUnlimited ? undefined : limits });
  const upstream = createUpstream({ clock, loginMs, connectMs, lifetimeMs });
  const accounts = Array.from({ length: accountCount }, (_, index) => `account-${index + 1}`);
  const scene: Scene = { clock, random, table, accounts, login: upstream.login, secretReads: 0 };
  if (!isNew) {
    await letExpire(scene);
  }
  table.requests.length = 0;
  Object.assign(upstream.seen, { connections: 0, logins: 0, overlaps: 0, mostInFlight: 0 });
  scene.secretReads = 0;
  const begun = clock.monotonic();
  const fleet = Array.from({ length: environments }, (_, index) =>
    startEnvironment(scene, accounts[index % accountCount] ?? ''),
  );
  const answers = await clock.until(Promise.all(fleet.map((environment) => ask(scene, environment))));
  if (days > 0) {
    answers.push(...(await pass(scene, fleet, days)));
  }
  const waits = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return {
    ...{ environments, ...upstream.seen, calls: answers.length },
    errors: countCodes(answers),
    reads: loadOf(table.requests, 'GetItem', { begun, environments }),
    writes: loadOf(table.requests, 'UpdateItem', { begun, environments }),
    secretReads: scene.secretReads,
    p50Ms: percentile(waits, 0.5),
    p99Ms: percentile(waits, 0.99),
    longestMs: percentile(waits, 1),
  };
}

/** Every account has a token, and it expires. */
async function letExpire(scene: Scene): Promise<void> {
  const { clock, accounts } = scene;
  const asks = accounts.map((account) => ask(scene, startEnvironment(scene, account)));
  await clock.until(Promise.all(asks), dayMs);
  await clock.advance(lifetimeMs + minuteMs);
}

/** The days of a fleet: calls every 5 minutes, not all at once, and the schedule. Returns the answers. */
async function pass(scene: Scene, fleet: readonly Environment[], days: number): Promise<Answer[]> {
  const { clock, random, accounts } = scene;
  const endsAt = clock.monotonic() + days * dayMs;
  const answers: Answer[] = [];
  const scheduled = startEnvironment(scene, accounts[0] ?? '');
  const every = async (ms: number, act: () => Promise<unknown>) => {
    for (await clock.sleep(ms * random()); clock.monotonic() < endsAt; await clock.sleep(ms)) {
      await act();
    }
  };
  const calls = fleet.map((environment) =>
    every(5 * minuteMs, async () => answers.push(await ask(scene, environment))),
  );
  await clock.until(Promise.all([...calls, every(4 * minuteMs, () => warmUp(scene, scheduled))]), (days + 1) * dayMs);
  return answers;
}

function countCodes(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of answers) {
    if (code !== undefined) {
      counts[code] = (counts[code] ?? 0) + 1;
    }
  }
  return counts;
}

function loadOf(
  requests: readonly TableRequest[],
  operation: TableRequest['operation'],
  { begun, environments }: { readonly begun: number; readonly environments: number },
): Load {
  const own = requests.filter((request) => request.operation === operation);
  const perSecond = new Map<number, number>();
  for (const { at } of own) {
    const second = Math.floor((at - begun) / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  return {
    total: own.length,
    throttled: own.filter(({ isThrottled }) => isThrottled).length,
    inFirstSecondEach: (perSecond.get(0) ?? 0) / environments,
    mostInASecond: Math.max(0, ...perSecond.values()),
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
