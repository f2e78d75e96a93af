// Makes one environment of a cluster: the real broker over the cluster's table, secrets and way to Fegora. Used by ../cluster.ts.

import type { CallDynamo } from '../../../lambda/aws/call-dynamo.ts';
import { createCredentialSources } from '../../../lambda/aws/credential-sources.ts';
import { createTokenTable } from '../../../lambda/aws/token-table.ts';
import { createBroker } from '../../../lambda/broker/broker.ts';
import type { Clock } from '../../../lambda/broker/clock.ts';
import type { Broker } from '../../../lambda/broker/contract.ts';
import type { GrantType, Login, Ports } from '../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../lambda/config.ts';
import type { createMemoryDynamo } from '../memory-dynamo.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** What goes wrong with one call of the table. `lost`: the table makes the change and its answer is lost. */
export type TableTrouble = 'down' | 'throttled' | 'hanging' | 'lost' | undefined;

type Operation = Parameters<CallDynamo>[0];

export interface ClusterTable {
  readonly rows: ReturnType<typeof createMemoryDynamo>['rows'];
  /** Called before each call of the table. `update` is the update expression of a write, else empty. */
  trouble: (operation: Operation, environment: number, update: string) => TableTrouble;
  /** The same for the items of Fegora users, which `trouble` does not see. */
  userTrouble: (operation: Operation, environment: number) => TableTrouble;
  /** Whether answers lack the `Date` header. */
  isTimeless: boolean;
  /** All calls about items of accounts, answered or not. */
  readonly calls: { readonly operation: Operation; readonly environment: number; readonly at: number }[];
}

/** What one version of a secret holds. */
export interface SecretVersion {
  readonly versionId: string;
  readonly password: string;
  /** @default the settings' client id */
  readonly clientId?: string;
  /** @default `username` of the cluster */
  readonly username?: string;
}

export interface ClusterSecret {
  /** The version that AWSCURRENT names now. */
  current: () => SecretVersion;
  isDown: boolean;
  reads: number;
}

/** The settings of one environment's deployment. A changed one takes effect when the environment restarts. */
export interface EnvironmentSettings {
  /** Account to the name of its secret. Other accounts are not configured. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly clientId: string;
  readonly tokenUrl: string;
  /** What tokens are renewed with. @default `password` */
  readonly renewWith?: GrantType;
  /** Whether there is a queue of warm-ups, for which the items note which accounts callers use. @default false */
  readonly notesUse?: boolean;
  /** Changes what goes to the table and comes from it, as if another version of the function ran. */
  readonly adapt?: (call: CallDynamo) => CallDynamo;
}

/** What `createEnvironment` needs. */
export interface EnvironmentDependencies {
  readonly clock: VirtualClock;
  readonly table: ClusterTable;
  readonly call: CallDynamo;
  /** By name. */
  readonly secrets: ReadonlyMap<string, ClusterSecret>;
  readonly defaultUsername: string;
  readonly shiftMs: number[];
  readonly suspendedMs: number[];
  readonly random: () => number;
  readonly observe: Ports['observe'];
  readonly loginTo: (settings: Pick<EnvironmentSettings, 'tokenUrl' | 'renewWith'>) => Login;
}

/** A new environment with empty memory. */
export function createEnvironment(
  dependencies: EnvironmentDependencies,
  environment: number,
  settings: EnvironmentSettings,
): Broker {
  const { accounts, clientId, tokenUrl, renewWith = 'password', notesUse = false, adapt = (calls) => calls } = settings;
  const { clock, table, call, secrets, random, observe, loginTo, defaultUsername } = dependencies;
  const own = ownClock(dependencies, environment);
  const bindingOf = (account: string) => JSON.stringify([tokenUrl, clientId, accounts[account]]);
  return createBroker({
    clock: own,
    random,
    observe,
    tokenUrl,
    login: loginTo(settings),
    readCredentials: createCredentialSources({
      getSecretValue: async (name) => readSecret(secrets.get(name), defaultUsername),
      secrets: new Map(Object.entries(accounts)),
      clientId,
      now: own.now,
    }),
    table: createTokenTable(adapt(withTrouble(call, table, { clock, environment })), 'tokens', observe, {
      of: bindingOf,
    }),
    isConfigured: (asked) => Object.hasOwn(accounts, asked),
    loginBudget: defaultLoginBudget,
    renewWith,
    notesUse,
  });
}

function ownClock({ clock, shiftMs, suspendedMs }: EnvironmentDependencies, environment: number): Clock {
  const shifted = clock.shifted(() => shiftMs[environment] ?? 0);
  return { ...shifted, monotonic: () => clock.monotonic() - (suspendedMs[environment] ?? 0) };
}

function readSecret(secret: ClusterSecret | undefined, defaultUsername: string): { versionId: string; text: string } {
  if (secret === undefined) {
    throw named('ResourceNotFoundException');
  }
  secret.reads += 1;
  if (secret.isDown) {
    throw named('InternalServiceError');
  }
  const { versionId, password, clientId, username = defaultUsername } = secret.current();
  const fields = { username, password, ...(clientId !== undefined && { client_id: clientId }) };
  return { versionId, text: JSON.stringify(fields) };
}

function withTrouble(
  call: CallDynamo,
  table: ClusterTable,
  { clock, environment }: { readonly clock: VirtualClock; readonly environment: number },
): CallDynamo {
  return async (operation, input, signal) => {
    const trouble = troubleOf(table, environment, { operation, input, at: clock.monotonic() });
    if (trouble === 'hanging') {
      await clock.sleep(3000, signal);
    } else if (trouble === 'lost') {
      await call(operation, input, signal);
    }
    if (trouble !== undefined) {
      throw named(trouble === 'throttled' ? 'ProvisionedThroughputExceededException' : 'TimeoutError');
    }
    const { output, at } = await call(operation, input, signal);
    return { output, ...(at !== undefined && !table.isTimeless && { at }) };
  };
}

/** One call of the table, and when it is made. Monotonic milliseconds. */
interface TableCall {
  readonly operation: Operation;
  readonly input: Parameters<CallDynamo>[1];
  readonly at: number;
}

/** Notes a call about the item of an account, and says what goes wrong with the call. */
function troubleOf(table: ClusterTable, environment: number, { operation, input, at }: TableCall): TableTrouble {
  if (JSON.stringify(input.Key).includes('user#')) {
    return table.userTrouble(operation, environment);
  }
  const trouble = table.trouble(operation, environment, String(input.UpdateExpression ?? ''));
  table.calls.push({ operation, environment, at });
  return trouble;
}

function named(name: string): Error {
  return Object.assign(new Error('not a real answer'), { name });
}
