// The state of one run: three environments, their account and their calls. Used by run.ts and inject-fault.ts.
import type { Login } from '../../lambda/broker/ports.ts';
import { fingerprint } from '../../lambda/broker/token.ts';
import type { ErrorCode } from '../../lambda/errors.ts';
import { createEnvironment, type ExecutionEnvironment, type SimulatedAccount } from './environment.ts';
import type { FaultPlan } from './fault-plan.ts';
import { createFegoraModel } from './fegora-model.ts';
import { createOracle } from './oracle.ts';
import { createRandom } from './random.ts';
import { createSimulation, type Host, type Simulation } from './simulation.ts';
import { createTableLink, type TableLink, type Tamper } from './table-link.ts';

/** How the broker is weakened, to see whether a run finds a violation. */
export interface Sabotage {
  readonly tamper?: Tamper;
  readonly tamperLogin?: (login: Login) => Login;
  /** Whether the table's answers lack the time. */
  readonly isTimeless?: boolean;
}

export const account = 'a';
/** How far the wall clocks of the three environments are from true time, which is the table's time. Milliseconds. */
const offsetsMs = [-1000, 0, 1000];
export const invocationMs = 25_000;

/** An invocation without an answer yet. */
interface PendingCall {
  readonly host: Host;
  readonly since: number;
  wasFrozen: boolean;
}

export interface Run extends SimulatedAccount {
  readonly plan: FaultPlan;
  readonly simulation: Simulation;
  readonly table: TableLink;
  readonly environments: ExecutionEnvironment[];
  readonly pendingCalls: Set<PendingCall>;
  /** Starts a new process for the environment with this index. */
  readonly startProcess: (index: number) => ExecutionEnvironment;
  areCalling: boolean;
  steps: number;
  /** Fingerprint of the token that callers report. */
  rejected: string | undefined;
}

export function createRun(plan: FaultPlan, { tamper, tamperLogin, isTimeless }: Sabotage): Run {
  const simulation = createSimulation();
  const oracle = createOracle(simulation, { account, serverIsBounded: plan.scenario !== 'slow' });
  const { renewWith = 'password' } = plan;
  const mayHoldRefreshToken = renewWith === 'refresh_token';
  const keepsRefreshToken = mayHoldRefreshToken;
  const fegora = createFegoraModel(simulation, oracle, { password: 'right', keepsRefreshToken });
  const simulatedAccount = { account, oracle, fegora, secret: { versionId: 'v1', password: 'right' } };
  const options = { ...(tamper && { tamper }), tellsTime: isTimeless !== true, mayHoldRefreshToken };
  const table = createTableLink(simulation, new Map([[account, oracle]]), options);
  const environments: ExecutionEnvironment[] = [];
  const simulatedAccounts = new Map([[account, simulatedAccount]]);
  const random = createRandom(plan.order + 1);
  const dependencies = { simulation, table, simulatedAccounts, random, renewWith, ...(tamperLogin && { tamperLogin }) };
  let starts = 0;
  const startProcess = (index: number) => {
    starts += 1;
    const host = simulation.host(`E${index + 1}.${starts}`, offsetsMs[index] ?? 0);
    const environment = createEnvironment(dependencies, host);
    environments[index] = environment;
    return environment;
  };
  const state = { pendingCalls: new Set<PendingCall>(), areCalling: true, steps: 0, rejected: undefined };
  return { plan, simulation, table, environments, startProcess, ...simulatedAccount, ...state };
}

/** Makes one call and checks that its answer comes within the invocation, unless the process was frozen. */
export function ask(state: Run, environment: ExecutionEnvironment, rejected?: string): Promise<'served' | ErrorCode> {
  const { host } = environment;
  const call = { host, since: state.simulation.now(), wasFrozen: false };
  state.pendingCalls.add(call);
  const answer = environment.ask(account, rejected === undefined ? {} : { rejected });
  void answer.then(() => {
    state.pendingCalls.delete(call);
    const tookMs = state.simulation.now() - call.since;
    if (tookMs >= invocationMs && !call.wasFrozen) {
      state.oracle.addViolation(`${host.name} answered after ${tookMs} ms`);
    }
  });
  return answer;
}

/** Returns the fingerprint of the token in the table. */
export function storedFingerprint({ table }: Run): string {
  const { access_token: stored } = table.rows.get(account) ?? {};
  return fingerprint(stored?.S ?? '');
}
