// Lets the callers of very many accounts ask for some days, on virtual time, with warm-ups of what is due. Run by main.ts and tenants.test.ts.
import { withOpenAccounts } from '../../lambda/account-secrets.ts';
import { sendDue } from '../../lambda/aws/due/due-accounts.ts';
import { createWarmupHandler } from '../../lambda/events/warmup.ts';
import { createRandom } from '../support/cluster/observations.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';
import { type CallersSeen, createCallers, dayMs, lifetimeMs } from './callers.ts';
import { type Environment, type Scene, warmUpInvocation } from './environment.ts';
import { createPartitions, partitionLimits } from './partition.ts';
import { createPool, type Pool } from './pool.ts';
import { createQueue } from './queue.ts';
import { createUpstream } from './upstream.ts';

export interface TenantsOptions {
  readonly accounts: number;
  readonly days: number;
  /** How long Fegora takes for a login. Milliseconds. @default 1000 */
  readonly loginMs?: number;
  /** Environments at the start. @default 20 */
  readonly environments?: number;
  /** `maximumConcurrency` of the queue. @default 10 */
  readonly concurrency?: number;
  /** Whether Fegora does not answer the logins of an account from noon on. @default it answers all */
  readonly hangs?: (account: string) => boolean;
}

/** How the callers fared, and what it cost. Times in milliseconds. */
export interface Tenants extends CallersSeen {
  /** The accounts of the calls that found no token. */
  readonly coldAccounts: readonly string[];
  readonly accounts: number;
  readonly days: number;
  readonly logins: number;
  readonly overlaps: number;
  /** Of callers and warm-ups together. */
  readonly mostInFlight: number;
  /** The most warm-ups of the queue at once. */
  readonly mostWarmUps: number;
  /** How long ticks and invocations of the queue took together. */
  readonly warmUpMs: number;
  readonly reads: number;
  readonly writes: number;
  readonly throttled: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly index: { readonly writes: number; readonly reads: number; readonly queries: number };
  readonly ticks: number;
  readonly queue: ReturnType<typeof createQueue>['seen'];
  readonly secretReads: number;
}

const tickMs = 4 * 60_000;
const invocationMs = 25_000;
/** Runs the days from midnight on. */
export async function runTenants(options: TenantsOptions): Promise<Tenants> {
  const { accounts: count, days, loginMs = 1000, environments = 20, concurrency = 10, hangs = () => false } = options;
  const clock = createVirtualClock(Date.UTC(2026, 0, 15), () => settle(2));
  const random = createRandom();
  const table = createPartitions({ clock, random, limits: partitionLimits });
  const upstream = createUpstream({
    clock,
    loginMs,
    connectMs: 120,
    lifetimeMs,
    hangs: (user) => clock.monotonic() > dayMs / 2 && hangs(user.slice(5)),
  });
  const accounts = Array.from({ length: count }, (_, index) => `tienda-${index + 1}`);
  const scene: Scene = { clock, random, table, accounts, areOpen: true, login: upstream.login, secretReads: 0 };
  const pool = createPool(scene, environments);
  const warmUps = createWarmUps(scene, pool, concurrency);
  const callers = createCallers(scene, pool);
  const endsAt = days * dayMs;
  let ticks = 0;

  await clock.until(
    Promise.all([...accounts.map((account, index) => callers.call(account, index, endsAt)), tick()]),
    endsAt + 60 * dayMs,
  );
  return {
    ...{ accounts: count, days, ticks, ...callers.seen, ...upstream.seen, secretReads: scene.secretReads },
    coldAccounts: [...callers.coldAccounts],
    ...warmUps.seen,
    ...loads(table),
    queue: warmUps.queue.seen,
  };

  async function tick(): Promise<void> {
    for (; clock.monotonic() < endsAt; await clock.sleep(tickMs)) {
      ticks += 1;
      await warmUps.tick();
    }
  }
}

/** The tick and the queue. Their invocations run in the environments that callers reach, as on Lambda. */
function createWarmUps({ clock, random, table }: Scene, pool: Pool, concurrency: number) {
  const seen = { mostWarmUps: 0, warmUpMs: 0 };
  let running = 0;
  const queue = createQueue({ clock, concurrency, invoke: run });
  const [listed, secrets] = [new Map<string, string>(), withOpenAccounts(new Map(), 'fegora/prod/')];
  const options = { query: table.query, send: queue.send, tableName: 'tokens', queueUrl: 'https://sqs.test/1/due' };
  const hasTime = (remaining: () => number) => () => remaining() > 4000;
  const loadSendDue = async () => (remaining: () => number, except: ReadonlySet<string>) =>
    sendDue({ ...options, except, now: clock.now(), hasTime: hasTime(remaining) });
  return { tick: () => run({ due: true }), queue, seen };

  function run(event: object): Promise<unknown> {
    return pool.use(async ({ ready, broker: { warm, ...rest } }) => {
      await ready;
      const begun = clock.monotonic();
      const report = { failed: () => {}, ran: () => {}, issued: () => {} };
      const broker = { ...rest, warm: counted(warm) };
      const handle = createWarmupHandler({ broker, accounts: listed, secrets, random, report, loadSendDue });
      const answer = await handle(event, warmUpInvocation, () => begun + invocationMs - clock.monotonic());
      seen.warmUpMs += clock.monotonic() - begun;
      return answer;
    });
  }

  function counted(warm: Environment['broker']['warm']): Environment['broker']['warm'] {
    return async (account, remaining) => {
      running += 1;
      seen.mostWarmUps = Math.max(seen.mostWarmUps, running);
      try {
        return await warm(account, remaining);
      } finally {
        running -= 1;
      }
    };
  }
}

function loads({ requests, index }: ReturnType<typeof createPartitions>) {
  const of = (wanted: string) => requests.filter(({ operation }) => operation === wanted);
  const unitsOf = (wanted: string) => of(wanted).reduce((sum, { units }) => sum + units, 0);
  return {
    reads: of('GetItem').length,
    writes: of('UpdateItem').length,
    throttled: requests.filter(({ isThrottled }) => isThrottled).length,
    readUnits: unitsOf('GetItem'),
    writeUnits: unitsOf('UpdateItem'),
    index,
  };
}
