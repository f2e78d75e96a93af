// Runs the broker for a long virtual time under random faults. Called by soak.test.ts.
import type { GrantType } from '../../lambda/broker/ports.ts';
import { settle } from '../exploration/simulation.ts';
import { normalConditions } from './conditions.ts';
import { startFaults } from './fault-plan.ts';
import {
  accounts,
  ask,
  createSoakState,
  hourMs,
  invocationMs,
  minuteMs,
  putVersion,
  type SoakState,
  secondMs,
} from './soak-state.ts';

/** The answers to all calls, and the faults during the run. */
export interface SoakReport {
  readonly violations: readonly string[];
  /** The latest lines of the log. */
  readonly lines: readonly string[];
  /** Number of calls. */
  readonly asked: number;
  readonly served: number;
  /** Number of answers, by error code or `served`. */
  readonly errors: ReadonlyMap<string, number>;
  readonly logins: number;
  /** Those that sent a refresh token. */
  readonly refreshes: number;
  /** Number of faults, by name. */
  readonly faults: ReadonlyMap<string, number>;
}

/** Lets four environments serve three accounts for `minutes` virtual minutes, under all faults of the fault plan. */
export async function soak({
  seed,
  minutes,
  renewWith,
}: {
  readonly seed: number;
  readonly minutes: number;
  readonly renewWith: GrantType;
}): Promise<SoakReport> {
  const state = createSoakState(seed, renewWith);
  const { simulation, simulatedAccounts, counts } = state;
  const oracles = [state.generalOracle, ...[...simulatedAccounts.values()].map(({ oracle }) => oracle)];
  const hasNoViolation = () => oracles.every(({ violations }) => violations.length === 0);
  startCallers(state);
  startFaults(state);
  await runUntil(state, simulation.now() + minutes * minuteMs, hasNoViolation);
  if (hasNoViolation()) {
    await recover(state, hasNoViolation);
  }
  return {
    violations: oracles.flatMap(({ violations }) => violations),
    lines: simulation.lines(),
    logins: oracles.reduce((sum, { count }) => sum + count(), 0),
    refreshes: oracles.reduce((sum, oracle) => sum + oracle.refreshes(), 0),
    ...counts,
  };
}

/** Makes calls at random times in every environment. */
function startCallers(state: SoakState): void {
  const { simulation, random, processes } = state;
  for (const index of processes.keys()) {
    const again = () => {
      if (state.ended.signal.aborted) {
        return;
      }
      const minValidityMs = random.chance(0.1) ? random.spread(secondMs, 12 * hourMs) : 0;
      ask(state, index, { account: random.oneOf(accounts), minValidityMs });
      simulation.after(random.between(secondMs, 30 * secondMs), again);
    };
    simulation.after(random.between(0, 5000), again);
  }
}

/** Delivers messages with random delays and losses, and lets time pass, until the given true time. */
async function runUntil(state: SoakState, until: number, mayContinue: () => boolean): Promise<void> {
  const { simulation, conditions, random } = state;
  simulation.after(until - simulation.now(), () => {});
  await settle();
  while (simulation.now() < until && mayContinue()) {
    const message = simulation.messages[0];
    if (message === undefined) {
      await simulation.pass();
    } else if (random.chance(conditions.lossShare)) {
      simulation.lose(message);
    } else {
      simulation.delay(
        message,
        Math.min(random.between(2, conditions.latencyMs), message.latest === undefined ? 1e9 : 400),
      );
    }
  }
}

/** Ends all faults. Soon after, a new environment must serve every account. */
async function recover(state: SoakState, mayContinue: () => boolean): Promise<void> {
  const { simulation, conditions, simulatedAccounts, processes, pendingCalls, generalOracle, startProcess } = state;
  state.ended.abort();
  await runUntil(state, simulation.now() + 2 * hourMs, mayContinue);
  simulation.log('all faults end');
  Object.assign(conditions, normalConditions(), { lossShare: 0 });
  for (const { environment } of processes) {
    await environment.host.thaw('timers');
  }
  for (const simulatedAccount of simulatedAccounts.values()) {
    Object.assign(simulatedAccount.fegora, { behavior: 'normal', workMs: 300 });
    putVersion(simulatedAccount, simulatedAccount.fegora.password);
  }
  await runUntil(state, simulation.now() + 10 * minuteMs, mayContinue);
  for (const { host } of pendingCalls) {
    generalOracle.addViolation(`${host.name} never answered`);
  }
  startProcess(0);
  const servedBefore = state.counts.served;
  for (const account of accounts) {
    ask(state, 0, { account });
  }
  await runUntil(state, simulation.now() + invocationMs, mayContinue);
  if (state.counts.served - servedBefore !== accounts.length) {
    generalOracle.addViolation('no token minutes after the last fault');
  }
}
