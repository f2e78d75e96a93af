// Runs several environments of the broker in one process on virtual time. Used by test/scenario/broker.

import { onTestFinished } from 'vitest';
import type { Broker } from '../../lambda/broker/contract.ts';
import type { GrantType, Login, Observation } from '../../lambda/broker/ports.ts';
import { createLogin } from '../../lambda/fegora/password-grant.ts';
import { type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import { type Answer, type Ask, askOne, load } from './cluster/calls.ts';
import {
  type ClusterSecret,
  type ClusterTable,
  createEnvironment,
  type EnvironmentDependencies,
  type EnvironmentSettings,
  type SecretVersion,
} from './cluster/environment.ts';
import { createObservationLog, createRandom } from './cluster/observations.ts';
import { createWire, type Wire } from './cluster/wire.ts';
import { createMemoryDynamo } from './memory-dynamo.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export type { Answer } from './cluster/calls.ts';
export type { ClusterSecret, EnvironmentSettings, SecretVersion, TableTrouble } from './cluster/environment.ts';

export const account = 'main';
export const username = '25365421';
/** The password that the simulator accepts at first. */
export const goodPassword = 'not-a-real-password';
/** The name of the secret of `account`. */
const mainSecret = 'fegora/main';

/** No server listens there: ports this low are never assigned automatically. */
const closedPort = 'http://127.0.0.1:1/token';

export interface ClusterOptions {
  /** @default 1 */
  readonly environments?: number;
  /** Lifetime as the simulator counts it: `expires_in` is one second less. @default 1801 */
  readonly lifetimeSeconds?: number;
  /** Password in the first version of the secret. @default the right one */
  readonly password?: string;
  /** More secrets by name. `account` has the secret `fegora/main`. @default none */
  readonly secrets?: Readonly<Record<string, SecretVersion>>;
  /** More accounts: id to the name of the secret. @default none */
  readonly accounts?: Readonly<Record<string, string>>;
  /** Hears what the environments notice. @default only `observed` and `noticed` do */
  readonly observe?: (observation: Observation) => void;
  /** What the environments renew tokens with. @default `password` */
  readonly renewWith?: GrantType;
  /** Returns numbers from 0 to 1. @default the same numbers in every run */
  readonly random?: () => number;
}

/** The way to Fegora. */
export interface Route {
  /** Whether connections are refused. */
  isUnreachable: boolean;
  /** How long name, TCP and TLS take until a connection is open or refused. Milliseconds. */
  handshakeMs: number;
  /** How many connections environments began to open. */
  opened: number;
}

/** Several environments of the function in one process, with one table, one secret and one Fegora. */
export interface Cluster {
  readonly clock: VirtualClock;
  /** The environments call it over real loopback HTTP. */
  readonly fegora: FegoraSimulator;
  readonly route: Route;
  readonly table: ClusterTable;
  /** The secret of `account`. */
  readonly secret: ClusterSecret;
  /** The secret with this name. @throws Error if there is none */
  readonly secretOf: (name: string) => ClusterSecret;
  readonly brokers: readonly Broker[];
  /** How far each environment's wall clock is from true time. Milliseconds. A test may change it at any time. */
  readonly shiftMs: number[];
  /** How long each environment's machine was suspended: its monotonic clock is behind by that. A test may change it. */
  readonly suspendedMs: number[];
  /** Asks for a token, with 25 s left unless `withinMs` is given. Rejects only with errors that are not BrokerErrors. */
  readonly ask: Ask;
  /** Makes one call in each environment at the same time. */
  readonly askAll: () => Promise<Answer[]>;
  /** Makes calls at a steady rate, in turn in each environment, and waits for all answers. */
  readonly load: (perSecond: number, forMs: number, onAnswer: (answer: Answer) => void) => Promise<void>;
  /** Lets time pass until all promises are settled. */
  readonly until: <T>(...promises: Promise<T>[]) => Promise<T[]>;
  readonly pass: (ms: number) => Promise<void>;
  /** Counts the observations of one kind in all environments. */
  readonly observed: (kind: Observation['kind']) => number;
  /** All observations of all environments. */
  readonly noticed: readonly Observation[];
  /** Returns when a token really ends by the simulator's clock. Epoch milliseconds. */
  readonly endsAt: (accessToken: string) => number;
  /** Replaces an environment by a new one with empty memory; a changed setting is a new deployment. */
  readonly restart: (environment: number, changed?: Partial<EnvironmentSettings>) => void;
}

/** Time passes only while no login is in flight between an environment and the simulator. Ends with the test. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { environments = 1, lifetimeSeconds = 1801, random = createRandom() } = options;
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
  const calm = { trouble: () => undefined, userTrouble: () => undefined, isTimeless: false };
  const table: ClusterTable = { rows: dynamo.rows, calls: [], ...calm };
  const secrets = createSecrets(options);
  const secretOf = (name: string) => secrets.get(name) ?? missing(name);
  const shiftMs = Array.from({ length: environments }, () => 0);
  const suspendedMs = [...shiftMs];
  const observations = createObservationLog();
  const ends = new Map<string, number>();
  const route: Route = { isUnreachable: false, handshakeMs: 0, opened: 0 };
  const onIssued = (accessToken: string) => {
    ends.set(accessToken, Math.floor(clock.now() / 1000) * 1000 + lifetimeSeconds * 1000);
  };
  const dependencies: EnvironmentDependencies = {
    clock,
    table,
    call: dynamo.call,
    secrets,
    defaultUsername: username,
    shiftMs,
    suspendedMs,
    random,
    observe: (observation) => {
      observations.observe(observation);
      options.observe?.(observation);
    },
    loginTo: (where) => loginOver({ wire, route, clock, onIssued }, where),
  };
  const accounts = { [account]: mainSecret, ...options.accounts };
  const { renewWith = 'password' } = options;
  const first: EnvironmentSettings = { accounts, clientId: 'apiApp', tokenUrl: fegora.url, renewWith };
  const settings = shiftMs.map(() => first);
  const brokers = settings.map((own, environment) => createEnvironment(dependencies, environment, own));
  const ask: Ask = (environment, request, withinMs = 25_000) =>
    askOne(clock, brokers, { environment, request: { account, ...request }, withinMs });
  return {
    clock,
    fegora,
    route,
    table,
    secret: secretOf(mainSecret),
    secretOf,
    brokers,
    shiftMs,
    suspendedMs,
    ask,
    askAll: () => clock.until(Promise.all(brokers.map((_, environment) => ask(environment)))),
    load: (perSecond, forMs, onAnswer) => load(clock, environments, { ask, perSecond, forMs, onAnswer }),
    until: (...promises) => clock.until(Promise.all(promises), 120_000),
    pass: clock.advance,
    observed: observations.observed,
    noticed: observations.noticed,
    endsAt: (accessToken) => ends.get(accessToken) ?? Number.NaN,
    restart: (environment, changed = {}) => {
      const own = { ...first, ...settings[environment], ...changed };
      settings[environment] = own;
      brokers[environment] = createEnvironment(dependencies, environment, own);
    },
  };
}

function createSecrets({ password = goodPassword, secrets = {} }: ClusterOptions): Map<string, ClusterSecret> {
  const versions = { [mainSecret]: { versionId: 'v1', password }, ...secrets };
  return new Map(
    Object.entries(versions).map(([name, version]) => [name, { current: () => version, isDown: false, reads: 0 }]),
  );
}

function missing(name: string): never {
  throw new Error(`the cluster has no secret ${name}`);
}

/** What the way to Fegora is made of. */
interface Way {
  readonly wire: Wire;
  readonly route: Route;
  readonly clock: VirtualClock;
  readonly onIssued: (accessToken: string) => void;
}

/** The login that environments with these settings have. */
function loginOver(
  { wire, route, clock, onIssued }: Way,
  { tokenUrl, renewWith = 'password' }: Pick<EnvironmentSettings, 'tokenUrl' | 'renewWith'>,
): Login {
  const logIn = createLogin({ tokenUrl, now: clock.now, renewWith });
  const logInAtClosedPort = createLogin({ tokenUrl: closedPort, now: clock.now });
  const watched = wire.watch((signal) => (route.isUnreachable ? logInAtClosedPort : logIn)(signal), onIssued);
  return async (signal) => {
    route.opened += 1;
    await (route.handshakeMs > 0 && clock.sleep(route.handshakeMs, signal));
    return watched(signal);
  };
}

/** How many logins the item counts as forced by a report of a token. */
export function forcedLogins({ table }: Pick<Cluster, 'table'>): number {
  return (table.rows.get(account)?.logins?.S ?? '').split(' ').filter((entry) => /\.[0-9a-f]{8}$/.test(entry)).length;
}
