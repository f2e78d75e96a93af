import { onTestFinished } from 'vitest';
import { createCredentialSources } from '../../lambda/aws/credential-sources.ts';
import { type CallDynamo, createTokenTable } from '../../lambda/aws/token-table.ts';
import { type Broker, createBroker, type Grant, type TokenRequest } from '../../lambda/broker/broker.ts';
import type { Clock, Login, Observation, Ports } from '../../lambda/broker/ports.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { createLogin } from '../../lambda/fegora/password-grant.ts';
import { type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import { createMemoryDynamo } from './memory-dynamo.ts';
import { createVirtualClock, settle, type VirtualClock } from './virtual-clock.ts';

export const account = 'main';
export const username = '25365421';
/** The one that the simulator takes until told otherwise. */
export const goodPassword = 'not-a-real-password';

/** Nobody listens there: it is far below the ports that anybody may take. */
const closedPort = 'http://127.0.0.1:1/token';

export interface ClusterOptions {
  /** @default 1 */
  readonly environments?: number;
  /** As the simulator counts it: `expires_in` is a second less. @default 1801 */
  readonly lifetimeSeconds?: number;
  /** @default 'refuse' */
  /** What the first version of the secret holds. @default the right one */
  readonly password?: string;
  /** From 0 to 1. @default the same numbers at every run */
  readonly random?: () => number;
}

/** How one call ended, by true time. */
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

/** What befalls one call of the table, if anything: `lost` is a change that is made and an answer that never comes. */
export type TableTrouble = 'down' | 'throttled' | 'hanging' | 'lost' | undefined;

type Operation = Parameters<CallDynamo>[0];

export interface ClusterTable {
  readonly rows: ReturnType<typeof createMemoryDynamo>['rows'];
  /** Asked before each call. */
  trouble: (operation: Operation, environment: number) => TableTrouble;
  /** Calls that got an answer or none, by environment. */
  readonly calls: { readonly operation: Operation; readonly environment: number; readonly at: number }[];
}

export interface ClusterSecret {
  /** AWSCURRENT at this moment. */
  current: () => { readonly versionId: string; readonly password: string; readonly clientId?: string };
  isDown: boolean;
  reads: number;
}

/** Many environments of the function in one process, over one table, one secret and one Fegora. */
export interface Cluster {
  readonly clock: VirtualClock;
  /** Spoken to over real loopback HTTP. */
  readonly fegora: FegoraSimulator;
  /** Connections to Fegora are refused while it is unreachable. */
  readonly route: { isUnreachable: boolean };
  readonly table: ClusterTable;
  readonly secret: ClusterSecret;
  readonly brokers: readonly Broker[];
  /** How far each environment's wall clock is off. Milliseconds; may change at any time. */
  readonly shiftMs: number[];
  /** Asks for a token, with 25 s for it unless told otherwise; never rejects but for what is no BrokerError. */
  readonly ask: (environment: number, request?: Partial<TokenRequest>, withinMs?: number) => Promise<Answer>;
  /** One call in each environment, all at once. */
  readonly askAll: () => Promise<Answer[]>;
  /** Asks many times, evenly spread over time and environments, and lets all be answered. */
  readonly load: (perSecond: number, forMs: number, onAnswer: (answer: Answer) => void) => Promise<void>;
  /** Lets time go by until all of these are settled. */
  readonly until: <T>(...promises: Promise<T>[]) => Promise<T[]>;
  readonly pass: (ms: number) => Promise<void>;
  /** How often something was observed, by all environments. */
  readonly observed: (kind: Observation['kind']) => number;
  /** All observations but those that every call makes. */
  readonly noticed: readonly Observation[];
  /** When a token really ends, by the simulator's clock. Epoch milliseconds. */
  readonly endsAt: (accessToken: string) => number;
  /** Forgets all that an environment had in memory. */
  readonly restart: (environment: number) => void;
}

/** What is passed to one environment in the place of its world. */
type World = Pick<Ports, 'login' | 'tokenUrl'> & {
  readonly clock: VirtualClock;
  readonly table: ClusterTable;
  readonly call: CallDynamo;
  readonly secret: ClusterSecret;
  readonly shiftMs: number[];
  readonly random: () => number;
  readonly observe: Ports['observe'];
};

/** Time passes only while no login is on its way between an environment and the simulator. Closed with the test. */
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
  const notes = createNotes();
  const ends = new Map<string, number>();
  const route = { isUnreachable: false };
  const logIn = createLogin({ tokenUrl: fegora.url, now: clock.now });
  const logInAtClosedPort = createLogin({ tokenUrl: closedPort, now: clock.now });
  const either: Login = (...flight) => (route.isUnreachable ? logInAtClosedPort : logIn)(...flight);
  const login = wire.over(either, (accessToken) => {
    ends.set(accessToken, Math.floor(clock.now() / 1000) * 1000 + lifetimeSeconds * 1000);
  });
  const call = dynamo.call;
  const { random = createRandom() } = options;
  const { observe } = notes;
  const world: World = {
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
  const brokers = shiftMs.map((_, environment) => createEnvironment(world, environment));
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
    observed: notes.observed,
    noticed: notes.noticed,
    endsAt: (accessToken) => ends.get(accessToken) ?? Number.NaN,
    restart: (environment) => {
      brokers[environment] = createEnvironment(world, environment);
    },
  };
}

/**
 * Knows whether a login is on its way. It is not while the simulator holds it up for virtual time or for ever; one that
 * its sender gave up is, until the simulator has noticed.
 */
function createWire(fegora: () => FegoraSimulator) {
  let open = 0;
  const isHeld = () =>
    fegora()
      .logins()
      .filter(({ waiting, hungUp }) => waiting && !hungUp).length === open;
  const isMoving = () => open > 0 && !isHeld();
  return {
    quiet: async () => {
      const patience = Date.now() + 20_000;
      for (let wasMoving = true; wasMoving || isMoving(); ) {
        wasMoving = isMoving();
        // Two for a deadline that has passed, and one for what comes of it.
        await settle(3);
        if (Date.now() > patience) {
          throw new Error('a login is stuck on the wire');
        }
      }
    },
    over:
      (login: Login, onIssued: (accessToken: string) => void): Login =>
      async (credentials, flight) => {
        open += 1;
        try {
          const outcome = await login(credentials, flight);
          if (outcome.kind === 'issued') {
            onIssued(outcome.accessToken);
          }
          return outcome;
        } finally {
          if (flight.signal.aborted) {
            open += 1;
            await settle();
            open -= 1;
          }
          open -= 1;
        }
      },
  };
}

function createEnvironment(world: World, environment: number): Broker {
  const { clock, table, secret, shiftMs, random, observe, login, tokenUrl } = world;
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
    table: createTokenTable(troubled(world.call, table, { clock, environment }), 'tokens', observe),
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

function troubled(
  call: CallDynamo,
  table: ClusterTable,
  { clock, environment }: { readonly clock: VirtualClock; readonly environment: number },
): CallDynamo {
  return async (operation, input, signal) => {
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

interface Question {
  readonly environment: number;
  readonly request: TokenRequest;
  readonly withinMs: number;
}

async function askOne(clock: Clock, brokers: readonly Broker[], question: Question): Promise<Answer> {
  const { environment, request, withinMs } = question;
  const askedAt = clock.monotonic();
  const remaining = () => askedAt + withinMs - clock.monotonic();
  const about = () => {
    const tookMs = clock.monotonic() - askedAt;
    return { environment, askedAt, tookMs, answeredAt: clock.now() };
  };
  try {
    const grant = await brokers[environment]?.getToken(request, remaining);
    return { ...about(), ...(grant !== undefined && { grant }) };
  } catch (error) {
    if (error instanceof BrokerError) {
      return { ...about(), error };
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
  const begun = clock.monotonic();
  for (let asked = 0; asked * 1000 < forMs * perSecond; asked += 1) {
    const answered = ask(asked % environments)
      .then(onAnswer)
      .finally(() => open.delete(answered));
    open.add(answered);
    await clock.advance(begun + ((asked + 1) * 1000) / perSecond - clock.monotonic());
  }
  await clock.until(Promise.all(open), 60_000);
}

function createNotes() {
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

/** The same numbers at every run, from 0 to 1. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
