// Lets very many environments ask at once, on virtual time. Run by main.ts and fleet.test.ts.
import { prefetchItem } from '../../lambda/aws/prefetch.ts';
import { withRetry } from '../../lambda/aws/retry.ts';
import { createTokenTable } from '../../lambda/aws/token-table.ts';
import { createBroker } from '../../lambda/broker/broker.ts';
import type { Broker } from '../../lambda/broker/contract.ts';
import type { Credentials, Ports } from '../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../lambda/config.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { createRandom } from '../support/cluster/observations.ts';
import { createVirtualClock, settle, type VirtualClock } from '../support/virtual-clock.ts';
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
}

/** How the callers fared, and what it cost. Times in milliseconds. */
export interface Fleet {
  readonly environments: number;
  readonly logins: number;
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

const account = 'main';
const tokenUrl = 'https://fegora.test/token';
const connectMs = 120;
const secretMs = 15;
const lifetimeMs = 1_800_000;

/** Lets every environment make the first call of its life at the same moment. */
export async function runFleet(options: FleetOptions): Promise<Fleet> {
  const { environments, loginMs = 1000, limits = partitionLimits, isUnlimited = false, isNew = false } = options;
  const clock = createVirtualClock(undefined, () => settle(2));
  const random = createRandom();
  const table = createPartitions({ clock, random, limits: isUnlimited ? undefined : limits });
  const upstream = createUpstream({ clock, loginMs, connectMs, lifetimeMs });
  const scene = { clock, random, table, login: upstream.login, secretReads: 0 };
  if (!isNew) {
    await clock.until(ask(clock, startEnvironment(scene)));
    await clock.advance(lifetimeMs + 60_000);
  }
  table.requests.length = 0;
  Object.assign(upstream.seen, { connections: 0, logins: 0, overlaps: 0, mostInFlight: 0 });
  scene.secretReads = 0;
  const begun = clock.monotonic();
  const answers = await clock.until(
    Promise.all(Array.from({ length: environments }, () => ask(clock, startEnvironment(scene)))),
  );
  const waits = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const { connections, logins, overlaps } = upstream.seen;
  return {
    ...{ environments, logins, overlaps, connections },
    errors: countCodes(answers),
    reads: loadOf(table.requests, 'GetItem', { begun, environments }),
    writes: loadOf(table.requests, 'UpdateItem', { begun, environments }),
    secretReads: scene.secretReads,
    p50Ms: percentile(waits, 0.5),
    p99Ms: percentile(waits, 0.99),
    longestMs: percentile(waits, 1),
  };
}

interface Scene extends Pick<Ports, 'login'> {
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly table: ReturnType<typeof createPartitions>;
  secretReads: number;
}

interface Environment {
  readonly broker: Broker;
  /** When init has ended. */
  readonly ready: Promise<void>;
}

/** An environment as handler.ts puts it together, with the prefetch. */
function startEnvironment(scene: Scene): Environment {
  const { clock, random, table, login } = scene;
  const observe = () => {};
  const ports: Ports = {
    ...{ clock, random, observe, tokenUrl, login, loginBudget: defaultLoginBudget },
    isConfigured: (asked) => asked === account,
    readCredentials: createSecret(scene),
    table: createTokenTable(withRetry(table.call, scene), 'tokens', observe, () => 'binding'),
  };
  const early = prefetchItem(ports, account);
  return { broker: createBroker({ ...ports, table: early }), ready: early.ended };
}

/** The secret as one environment reads it: once. The source of the function is not here, because it measures real time. */
function createSecret(scene: Scene): Ports['readCredentials'] {
  let read: Promise<Credentials> | undefined;
  return () => {
    read ??= (async () => {
      scene.secretReads += 1;
      await scene.clock.sleep(secretMs);
      return { username: '25365421', password: 'not-a-real-password', clientId: 'apiApp', versionId: 'v1' };
    })();
    return read;
  };
}

interface Answer {
  readonly tookMs: number;
  readonly code?: string;
}

/** One call with 25 s left, from the start of the environment on. */
async function ask(clock: VirtualClock, { broker, ready }: Environment): Promise<Answer> {
  const begun = clock.monotonic();
  await ready;
  const called = clock.monotonic();
  try {
    await broker.getToken({ account }, () => called + 25_000 - clock.monotonic());
    return { tookMs: clock.monotonic() - begun };
  } catch (error) {
    if (!(error instanceof BrokerError)) {
      throw error;
    }
    return { tookMs: clock.monotonic() - begun, code: error.code };
  }
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
