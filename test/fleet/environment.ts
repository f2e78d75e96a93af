// One environment of a fleet, as handler.ts puts it together, and the calls that it gets. Used by fleet.ts.
import { prefetchItem } from '../../lambda/aws/prefetch.ts';
import { withRetry } from '../../lambda/aws/retry.ts';
import { createTokenTable } from '../../lambda/aws/token-table.ts';
import { createBroker } from '../../lambda/broker/broker.ts';
import type { Broker } from '../../lambda/broker/contract.ts';
import type { Credentials, Ports } from '../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../lambda/config.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { createWarmupHandler } from '../../lambda/events/warmup.ts';
import { createEarlyConnection } from '../../lambda/fegora/early-connection.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import type { createPartitions } from './partition.ts';

/** What the environments share. */
export interface Scene extends Pick<Ports, 'login'> {
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly table: ReturnType<typeof createPartitions>;
  readonly accounts: readonly string[];
  /** Whether the accounts are open ones, whose items note which of them callers use. @default false */
  readonly areOpen?: boolean;
  secretReads: number;
}

/** An environment, and the account that it is called for. */
export interface Environment {
  readonly broker: Broker;
  readonly account: string;
  /** When init has ended. */
  readonly ready: Promise<void>;
}

/** How one call ended. Milliseconds. */
export interface Answer {
  readonly tookMs: number;
  /** Life that the token has left. */
  readonly remainingMs?: number;
  readonly code?: string;
}

const secretMs = 15;
const tokenUrl = 'https://fegora.test/token';
const callMs = 25_000;
const warmUpMs = 60_000;

/** Starts an environment with the prefetch of its account. */
export function startEnvironment(scene: Scene, account: string): Environment {
  const { clock, random, table, accounts, areOpen = false } = scene;
  const known = new Set(accounts);
  const early = createEarlyConnection(clock);
  const login: Ports['login'] = async (signal) => (await early.take(signal)) ?? scene.login(signal);
  const observe = () => {};
  const ports: Ports = {
    ...{ clock, random, observe, tokenUrl, login, loginBudget: defaultLoginBudget },
    isConfigured: (asked) => known.has(asked),
    ...(areOpen && { isOpen: (asked) => known.has(asked), notesUse: true }),
    readCredentials: createSecrets(scene),
    table: createTokenTable(withRetry(table.call, scene), 'tokens', observe, { of: () => 'binding' }),
  };
  const prefetching = prefetchItem({ ...ports, connect: () => early.open(scene.login) }, account);
  return { broker: createBroker({ ...ports, table: prefetching }), account, ready: prefetching.ended };
}

/** The secrets as one environment reads them: once each. The function's own source measures real time. */
function createSecrets(scene: Scene): Ports['readCredentials'] {
  const reads = new Map<string, Promise<Credentials>>();
  return (account) => {
    const read = reads.get(account) ?? readSecret(account);
    reads.set(account, read);
    return read;
  };

  async function readSecret(account: string): Promise<Credentials> {
    scene.secretReads += 1;
    await scene.clock.sleep(secretMs);
    return { username: `user-${account}`, password: 'not-a-real-password', clientId: 'apiApp', versionId: 'v1' };
  }
}

/** One call for a token, from the start of the environment on if that is new. */
export async function ask({ clock }: Pick<Scene, 'clock'>, { broker, account, ready }: Environment): Promise<Answer> {
  const begun = clock.monotonic();
  await ready;
  const called = clock.monotonic();
  try {
    const { remainingMs } = await broker.getToken({ account }, () => called + callMs - clock.monotonic());
    return { tookMs: clock.monotonic() - begun, remainingMs };
  } catch (error) {
    if (!(error instanceof BrokerError)) {
      throw error;
    }
    return { tookMs: clock.monotonic() - begun, code: error.code };
  }
}

/** What the function knows of an invocation by the schedule or the queue. */
export const warmUpInvocation = {
  entryPoint: 'warmup' as const,
  account: undefined,
  caller: '-',
  callerRole: '-',
  requestId: '-',
  invocationId: '-',
};

/** One event of the schedule, for all accounts. */
export async function warmUp({ clock, random, accounts }: Scene, { broker, ready }: Environment): Promise<void> {
  await ready;
  const begun = clock.monotonic();
  const report = { failed: () => {}, ran: () => {}, issued: () => {} };
  const handle = createWarmupHandler({
    broker,
    accounts: new Map(accounts.map((account) => [account, ''])),
    random,
    report,
  });
  await handle({}, warmUpInvocation, () => begun + warmUpMs - clock.monotonic());
}
