// Runs several environments of the broker in one process on virtual time. Used by test/scenario/broker.

import { onTestFinished } from 'vitest';
import { createCredentialSources } from '../../lambda/aws/credential-sources.ts';
import { type CallDynamo, createTokenTable } from '../../lambda/aws/token-table.ts';
import { createBroker } from '../../lambda/broker/broker.ts';
import type { Clock } from '../../lambda/broker/clock.ts';
import type { Broker, Grant, TokenRequest } from '../../lambda/broker/contract.ts';
import type { Login, Observation, Ports } from '../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../lambda/config.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { createLogin } from '../../lambda/fegora/password-grant.ts';
import { type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import { overConnection } from './fegora/connection.ts';
import { createMemoryDynamo } from './memory-dynamo.ts';
import { createVirtualClock, settle, type VirtualClock } from './virtual-clock.ts';

export const account = 'main';
export const username = '25365421';
/** The password that the simulator accepts at first. */
export const goodPassword = 'not-a-real-password';

/** No server listens there: ports this low are never assigned automatically. */
const closedPort = 'http://127.0.0.1:1/token';

export interface ClusterOptions {
  /** @default 1 */
  readonly environments?: number;
  /** Lifetime as the simulator counts it: `expires_in` is one second less. @default 1801 */
  readonly lifetimeSeconds?: number;
  /** Password in the first version of the secret. @default the right one */
  readonly password?: string;
  /** Returns numbers from 0 to 1. @default the same numbers in every run */
  readonly random?: () => number;
}

/** How one call ended, measured by the true clock. */
export interface Answer {
  readonly environment: number;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
  readonly tookMs: number;
  /** Epoch milliseconds. */
  readonly answeredAt: number;
  readonly grant?: Grant;
  readonly error?: BrokerError;
}

/** What goes wrong with one call of the table. `lost`: the table makes the change and its answer is lost. */
export type TableTrouble = 'down' | 'throttled' | 'hanging' | 'lost' | undefined;

type Operation = Parameters<CallDynamo>[0];

export interface ClusterTable {
  readonly rows: ReturnType<typeof createMemoryDynamo>['rows'];
  /** Called before each call of the table. */
  trouble: (operation: Operation, environment: number) => TableTrouble;
  /** All calls of the table, answered or not. */
  readonly calls: { readonly operation: Operation; readonly environment: number; readonly at: number }[];
}

export interface ClusterSecret {
  /** The version that AWSCURRENT names now. */
  current: () => { readonly versionId: string; readonly password: string; readonly clientId?: string };
  isDown: boolean;
  reads: number;
}

/** The way to Fegora. */
export interface Route {
  /** Whether connections are refused. */
  isUnreachable: boolean;
  /** How long name, TCP and TLS take until a connection is open or refused. Milliseconds. */
  handshakeMs: number;
}

/** Several environments of the function in one process, with one table, one secret and one Fegora. */
export interface Cluster {
  readonly clock: VirtualClock;
  /** The environments call it over real loopback HTTP. */
  readonly fegora: FegoraSimulator;
  readonly route: Route;
  readonly table: ClusterTable;
  readonly secret: ClusterSecret;
  readonly brokers: readonly Broker[];
  /** How far each environment's wall clock is from true time. Milliseconds. A test may change it at any time. */
  readonly shiftMs: number[];
  /** Asks for a token, with 25 s left unless `withinMs` is given. Rejects only with errors that are not BrokerErrors. */
  readonly ask: (environment: number, request?: Partial<TokenRequest>, withinMs?: number) => Promise<Answer>;
  /** Makes one call in each environment at the same time. */
  readonly askAll: () => Promise<Answer[]>;
  /** Makes calls at a steady rate, in turn in each environment, and waits for all answers. */
  readonly load: (perSecond: number, forMs: number, onAnswer: (answer: Answer) => void) => Promise<void>;
  /** Lets time pass until all promises are settled. */
  readonly until: <T>(...promises: Promise<T>[]) => Promise<T[]>;
  readonly pass: (ms: number) => Promise<void>;
  /** Counts the observations of one kind in all environments. */
  readonly observed: (kind: Observation['kind']) => number;
  /** All observations except `retry_held`, which every call makes during a back-off. */
  readonly noticed: readonly Observation[];
  /** Returns when a token really ends by the simulator's clock. Epoch milliseconds. */
  readonly endsAt: (accessToken: string) => number;
  /** Replaces an environment by a new one with empty memory. */
  readonly restart: (environment: number) => void;
}

/** What `createEnvironment` needs. */
type EnvironmentDependencies = Pick<Ports, 'login' | 'tokenUrl'> & {
  readonly clock: VirtualClock;
  readonly table: ClusterTable;
  readonly call: CallDynamo;
  readonly secret: ClusterSecret;
  readonly shiftMs: number[];
  readonly random: () => number;
  readonly observe: Ports['observe'];
};

/** Time passes only while no login is in flight between an environment and the simulator. Ends with the test. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { environments = 1, lifetimeSeconds = 1801, password = goodPassword } = options;
  const wire = createWire(() => fegora);
  const clock = createVirtualClock(undefined, wire.quiet);
  const fegora = await startFegoraSimulator({
    accounts: { [username]: goodPassword },
    lifetimeSeconds,
    now: clock.now,
    sleep: clock.sleep,
  });
  onTestFinished(() => fegora.close());
  const dynamo = createMemoryDynamo(clock.now);
  const table: ClusterTable = { rows: dynamo.rows, trouble: () => undefined, calls: [] };
  const secret: ClusterSecret = { current: () => ({ versionId: 'v1', password }), isDown: false, reads: 0 };
  const shiftMs = Array.from({ length: environments }, () => 0);
  const observations = createObservationLog();
  const ends = new Map<string, number>();
  const route: Route = { isUnreachable: false, handshakeMs: 0 };
  const logIn = createLogin({ tokenUrl: fegora.url, now: clock.now });
  const logInAtClosedPort = createLogin({ tokenUrl: closedPort, now: clock.now });
  const logInByRoute: Login = (signal) => (route.isUnreachable ? logInAtClosedPort : logIn)(signal);
  const watched = wire.watch(logInByRoute, (accessToken) => {
    ends.set(accessToken, Math.floor(clock.now() / 1000) * 1000 + lifetimeSeconds * 1000);
  });
  const login: Login = async (signal) => {
    await (route.handshakeMs > 0 && clock.sleep(route.handshakeMs, signal));
    return watched(signal);
  };
  const call = dynamo.call;
  const { random = createRandom() } = options;
  const { observe } = observations;
  const dependencies: EnvironmentDependencies = {
    clock,
    table,
    call,
    secret,
    shiftMs,
    random,
    observe,
    login,
    tokenUrl: fegora.url,
  };
  const brokers = shiftMs.map((_, environment) => createEnvironment(dependencies, environment));
  const ask: Cluster['ask'] = (environment, request, withinMs = 25_000) =>
    askOne(clock, brokers, { environment, request: { account, ...request }, withinMs });
  return {
    clock,
    fegora,
    route,
    table,
    secret,
    brokers,
    shiftMs,
    ask,
    askAll: () => clock.until(Promise.all(brokers.map((_, environment) => ask(environment)))),
    load: (perSecond, forMs, onAnswer) => load(clock, environments, { ask, perSecond, forMs, onAnswer }),
    until: (...promises) => clock.until(Promise.all(promises), 120_000),
    pass: clock.advance,
    observed: observations.observed,
    noticed: observations.noticed,
    endsAt: (accessToken) => ends.get(accessToken) ?? Number.NaN,
    restart: (environment) => {
      brokers[environment] = createEnvironment(dependencies, environment);
    },
  };
}

/**
 * Knows whether a connection is being opened or a login is in flight. A login that the simulator delays or leaves
 * hanging does not count. A login that its sender aborted counts until the simulator has noticed the abort.
 */
function createWire(fegora: () => FegoraSimulator) {
  let open = 0;
  const isWaiting = () =>
    fegora()
      .logins()
      .filter(({ waiting, hungUp }) => waiting && !hungUp).length === open;
  const isMoving = () => open > 0 && !isWaiting();
  const track = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
    open += 1;
    try {
      return await work;
    } finally {
      if (signal.aborted) {
        open += 1;
        await settle();
        open -= 1;
      }
      open -= 1;
    }
  };
  return {
    quiet: async () => {
      const giveUpAt = Date.now() + 20_000;
      for (let wasMoving = true; wasMoving || isMoving(); ) {
        wasMoving = isMoving();
        // Two turns for a deadline that has passed, and one for its effects.
        await settle(3);
        if (Date.now() > giveUpAt) {
          throw new Error('a login is stuck on the wire');
        }
      }
    },
    watch:
      (login: Login, onIssued: (accessToken: string) => void): Login =>
      async (signal) => {
        const connection = await track(signal, login(signal));
        return overConnection(connection, async (send, credentials, options) => {
          const outcome = await track(options.signal, send(credentials, options));
          if (outcome.kind === 'issued') {
            onIssued(outcome.accessToken);
          }
          return outcome;
        });
      },
  };
}

function createEnvironment(dependencies: EnvironmentDependencies, environment: number): Broker {
  const { clock, table, call, secret, shiftMs, random, observe, login, tokenUrl } = dependencies;
  const own: Clock = clock.shifted(() => shiftMs[environment] ?? 0);
  return createBroker({
    clock: own,
    random,
    observe,
    tokenUrl,
    login,
    readCredentials: createCredentialSources({
      getSecretValue: async () => readSecret(secret),
      secrets: new Map([[account, 'fegora/main']]),
      clientId: 'apiApp',
      now: own.now,
    }),
    table: createTokenTable(withTrouble(call, table, { clock, environment }), 'tokens', observe),
    isConfigured: (asked) => asked === account,
    loginBudget: defaultLoginBudget,
  });
}

function readSecret(secret: ClusterSecret): { versionId: string; text: string } {
  secret.reads += 1;
  if (secret.isDown) {
    throw named('InternalServiceError');
  }
  const { versionId, password, clientId } = secret.current();
  const fields = { username, password, ...(clientId !== undefined && { client_id: clientId }) };
  return { versionId, text: JSON.stringify(fields) };
}

function withTrouble(
  call: CallDynamo,
  table: ClusterTable,
  { clock, environment }: { readonly clock: VirtualClock; readonly environment: number },
): CallDynamo {
  return async (operation, input, signal) => {
    // The item of a Fegora user is written once: troubles and counts are about the item of the account.
    if (JSON.stringify(input.Key).includes('user#')) {
      return await call(operation, input, signal);
    }
    const trouble = table.trouble(operation, environment);
    table.calls.push({ operation, environment, at: clock.monotonic() });
    if (trouble === 'hanging') {
      await clock.sleep(3000, signal);
    } else if (trouble === 'lost') {
      await call(operation, input, signal);
    }
    if (trouble !== undefined) {
      throw named(trouble === 'throttled' ? 'ProvisionedThroughputExceededException' : 'TimeoutError');
    }
    return await call(operation, input, signal);
  };
}

function named(name: string): Error {
  return Object.assign(new Error('not a real answer'), { name });
}

interface AskOptions {
  readonly environment: number;
  readonly request: TokenRequest;
  readonly withinMs: number;
}

async function askOne(clock: Clock, brokers: readonly Broker[], options: AskOptions): Promise<Answer> {
  const { environment, request, withinMs } = options;
  const askedAt = clock.monotonic();
  const remaining = () => askedAt + withinMs - clock.monotonic();
  const timing = () => {
    const tookMs = clock.monotonic() - askedAt;
    return { environment, askedAt, tookMs, answeredAt: clock.now() };
  };
  try {
    const grant = await brokers[environment]?.getToken(request, remaining);
    return { ...timing(), ...(grant !== undefined && { grant }) };
  } catch (error) {
    if (error instanceof BrokerError) {
      return { ...timing(), error };
    }
    throw error;
  }
}

interface Load {
  readonly ask: Cluster['ask'];
  readonly perSecond: number;
  readonly forMs: number;
  readonly onAnswer: (answer: Answer) => void;
}

async function load(
  clock: VirtualClock,
  environments: number,
  { ask, perSecond, forMs, onAnswer }: Load,
): Promise<void> {
  const open = new Set<Promise<void>>();
  const startedAt = clock.monotonic();
  for (let asked = 0; asked * 1000 < forMs * perSecond; asked += 1) {
    const answered = ask(asked % environments)
      .then(onAnswer)
      .finally(() => open.delete(answered));
    open.add(answered);
    await clock.advance(startedAt + ((asked + 1) * 1000) / perSecond - clock.monotonic());
  }
  await clock.until(Promise.all(open), 60_000);
}

function createObservationLog() {
  const counts = new Map<string, number>();
  const noticed: Observation[] = [];
  return {
    noticed,
    observe: (observation: Observation) => {
      const { kind } = observation;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (kind !== 'retry_held') {
        noticed.push(observation);
      }
    },
    observed: (kind: Observation['kind']) => counts.get(kind) ?? 0,
  };
}

/** Returns the same numbers, from 0 to 1, in every run. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** How many logins the item counts as forced by a report of a token. */
export function forcedLogins({ table }: Pick<Cluster, 'table'>): number {
  return (table.rows.get(account)?.logins?.S ?? '').split(' ').filter((entry) => /\.[0-9a-f]{8}$/.test(entry)).length;
}
