// The state of a soak run: its environments, accounts and calls. Used by soak.ts and the fault plan.
import type { Remaining } from '../../lambda/broker/clock.ts';
import type { GrantType, Observation } from '../../lambda/broker/ports.ts';
import { createEnvironment, type ExecutionEnvironment, type SimulatedAccount } from '../exploration/environment.ts';
import { createFegoraModel } from '../exploration/fegora-model.ts';
import { createOracle, type Oracle } from '../exploration/oracle.ts';
import { createRandom } from '../exploration/random.ts';
import { createSimulation, type Host, type Simulation } from '../exploration/simulation.ts';
import { createTableLink, type TableLink } from '../exploration/table-link.ts';
import { type Conditions, normalConditions } from './conditions.ts';
import { createRandomChoices, type RandomChoices } from './random-choices.ts';

export const accounts = ['25365421', '43430775', '90210001'] as const;
/** How far the wall clocks of the environments are from true time. Milliseconds. */
export const offsetsMs = [-1000, -300, 400, 1000];
export const invocationMs = 25_000;
export const secondMs = 1000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
/** Matches every password and token of a run. They must not show in an error or an observation. */
const secrets = /not-a-real-password|(?:token|refresh) \d+ of/;

/** An invocation without an answer yet. */
interface PendingCall {
  readonly host: Host;
  readonly since: number;
  wasFrozen: boolean;
}

export interface Process {
  environment: ExecutionEnvironment;
  wasSuspended: boolean;
}

export interface SoakState {
  readonly simulation: Simulation;
  readonly random: RandomChoices;
  readonly conditions: Conditions;
  readonly table: TableLink;
  readonly simulatedAccounts: ReadonlyMap<string, SimulatedAccount>;
  readonly processes: Process[];
  readonly pendingCalls: Set<PendingCall>;
  readonly startProcess: (index: number) => void;
  readonly counts: { asked: number; served: number; errors: Map<string, number>; faults: Map<string, number> };
  /** Records violations that do not belong to one account. */
  readonly generalOracle: Oracle;
  /** Once aborted, no new call is made and no new fault starts. */
  readonly ended: AbortController;
}

/** Starts four environments with three accounts. The same seed gives the same run. */
export function createSoakState(seed: number, renewWith: GrantType): SoakState {
  const simulation = createSimulation();
  const nextRandom = createRandom(seed);
  const random = createRandomChoices(nextRandom);
  const conditions = normalConditions();
  const generalOracle = createOracle(simulation, { account: 'all', serverIsBounded: true });
  const keepsRefreshToken = renewWith === 'refresh_token';
  const simulatedAccounts = new Map(
    accounts.map((account) => [
      account,
      createSimulatedAccount(simulation, generalOracle, { account, keepsRefreshToken }),
    ]),
  );
  const oracles = new Map([...simulatedAccounts].map(([account, { oracle }]) => [account, oracle]));
  const table = createTableLink(simulation, oracles, {
    tellsTime: true,
    mayHoldRefreshToken: keepsRefreshToken,
    trouble: () => tableErrorOf(state),
  });
  const observe = (observation: Observation) =>
    checkForSecrets(generalOracle, 'an observation', JSON.stringify(observation));
  const isSecretDown = () => conditions.isSecretDown;
  const dependencies = { simulation, table, simulatedAccounts, random: nextRandom, renewWith, observe, isSecretDown };
  let starts = 0;
  const startProcess = (index: number) => {
    starts += 1;
    const host = simulation.host(`E${index + 1}.${starts}`, offsetsMs[index] ?? 0);
    state.processes[index] = { environment: createEnvironment(dependencies, host), wasSuspended: false };
  };
  const counts = { asked: 0, served: 0, errors: new Map<string, number>(), faults: new Map<string, number>() };
  const pendingCalls = new Set<PendingCall>();
  const shared = {
    simulation,
    random,
    conditions,
    table,
    simulatedAccounts,
    generalOracle,
    pendingCalls,
    startProcess,
    counts,
  };
  const state: SoakState = { ...shared, processes: [], ended: new AbortController() };
  for (const index of offsetsMs.keys()) {
    startProcess(index);
  }
  return state;
}

function createSimulatedAccount(
  simulation: Simulation,
  generalOracle: Oracle,
  { account, keepsRefreshToken }: { readonly account: string; readonly keepsRefreshToken: boolean },
): SimulatedAccount {
  const oracle = createOracle(simulation, { account, serverIsBounded: true });
  const password = 'not-a-real-password-1';
  return {
    account,
    fegora: createFegoraModel(simulation, oracle, { password, keepsRefreshToken }),
    secret: { versionId: 'v1', password },
    oracle: {
      ...oracle,
      failed: (host, thrown) => {
        checkForSecrets(generalOracle, 'an error', String(thrown instanceof Error ? thrown.stack : thrown));
        oracle.failed(host, thrown);
      },
    },
  };
}

function checkForSecrets(oracle: Oracle, where: string, text: string): void {
  if (secrets.test(text)) {
    oracle.addViolation(`a secret shows in ${where}`);
  }
}

/** Its message contains an item, because errors of the SDK may quote the request. */
function tableErrorOf({ conditions, table, random }: SoakState): Error | undefined {
  const message = JSON.stringify([...table.rows.values()].slice(0, 1));
  return conditions.isTableDown && random.chance(0.8)
    ? Object.assign(new Error(message), { name: random.oneOf(['InternalServerError', 'ThrottlingException']) })
    : undefined;
}

interface CallOptions {
  readonly account: string;
  readonly minValidityMs?: number;
  readonly rejected?: string;
}

/** Makes one call in an environment, if its process runs. */
export function ask(state: SoakState, index: number, { account, ...request }: CallOptions): void {
  const environment = state.processes[index]?.environment;
  if (environment?.host.state() !== 'running') {
    return;
  }
  const { counts } = state;
  counts.asked += 1;
  void checkTime(state, environment.host, environment.ask(account, request)).then((end) => {
    counts.served += end === 'served' ? 1 : 0;
    addTo(counts.errors, end);
  });
}

/** Checks that an answer comes within the invocation, unless the process was frozen. */
async function checkTime<T>(
  { simulation, pendingCalls, generalOracle }: SoakState,
  host: Host,
  answer: Promise<T>,
): Promise<T> {
  const call = { host, since: simulation.now(), wasFrozen: false };
  pendingCalls.add(call);
  try {
    return await answer;
  } finally {
    pendingCalls.delete(call);
    const tookMs = simulation.now() - call.since;
    if (tookMs >= invocationMs && !call.wasFrozen) {
      generalOracle.addViolation(`${host.name} answered after ${tookMs} ms`);
    }
  }
}

/** Adds one to a count. */
export function addTo(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Lets one environment do the work of an operator, a schedule or an event. Errors are valid answers. */
export function operate(
  state: SoakState,
  work: (environment: ExecutionEnvironment, remaining: Remaining) => Promise<unknown>,
) {
  const { simulation, random, processes } = state;
  const environment = processes[random.between(0, processes.length - 1)]?.environment;
  if (environment?.host.state() === 'running') {
    const endsAt = simulation.now() + invocationMs;
    const done = work(environment, () => endsAt - simulation.now()).catch(() => {});
    void checkTime(state, environment.host, done);
  }
}

/** Gives the secret a new version. */
export function putVersion({ secret }: SimulatedAccount, password: string): void {
  secret.versionId = `v${Number(secret.versionId.slice(1)) + 1}`;
  secret.password = password;
}
