// Runs one fault plan against three environments and their callers. Used by the exploration's tests.
import type { ExecutionEnvironment } from './environment.ts';
import type { FaultPlan } from './fault-plan.ts';
import { injectFault, rotateSecret } from './inject-fault.ts';
import { createRandom } from './random.ts';
import { ask, createRun, invocationMs, type Run, type Sabotage, storedFingerprint } from './run-state.ts';
import { settle } from './simulation.ts';

export interface RunResult {
  readonly violations: readonly string[];
  /** The log of the run. */
  readonly lines: readonly string[];
  readonly logins: number;
  /** Those that sent a refresh token. */
  readonly refreshes: number;
  /** How often Fegora worked on two logins at once although our side had ended the first. */
  readonly overlapsInside: number;
  /** Number of steps while callers made calls. */
  readonly steps: number;
}

/** Time between the first login and the start of the scenario. */
const preparationMs = { window: 82_000, expired: 125_000, locked: 125_000, rejected: 5000 };
const slowLoginMs = 30_000;
/** How long callers make calls and faults happen. */
const runMs = 45_000;
const callEveryMs = 3000;
const mostSteps = 10_000;
/** Number of log lines in the error of a failed run. */
const mostLines = 150;
/** Longer than the longest back-off in these runs, which is five minutes. */
const recoveryMs = 6.5 * 60_000;
/** A user rests for an hour after three refusals. */
const restMs = 3_600_000;

/** Runs a plan, from the start of its scenario until the recovery from all faults. */
export async function run(plan: FaultPlan, sabotage: Sabotage = {}): Promise<RunResult> {
  const state = createRun(plan, sabotage);
  const { simulation, oracle } = state;
  await prepareScenario(state);
  const steps = await runFaults(state);
  if (oracle.violations.length === 0) {
    await recover(state);
  }
  return {
    violations: oracle.violations,
    lines: simulation.lines(),
    logins: oracle.count(),
    refreshes: oracle.refreshes(),
    overlapsInside: oracle.overlapsInside(),
    steps,
  };
}

/**
 * Runs a plan that must lead to no violation.
 *
 * @throws Error with the violations, the plan and the latest log lines
 */
export async function runWithoutViolation(plan: FaultPlan, sabotage: Sabotage = {}): Promise<RunResult> {
  const result = await run(plan, sabotage);
  if (result.violations.length > 0) {
    const lines = result.lines.slice(-mostLines);
    throw new Error([...result.violations, JSON.stringify(plan), ...lines].join('\n'));
  }
  return result;
}

/** Creates the state in which the scenario starts. */
async function prepareScenario(state: Run): Promise<void> {
  const { simulation, fegora, secret, startProcess } = state;
  const { scenario } = state.plan;
  const first = startProcess(0);
  if (scenario === 'refused') {
    secret.password = 'wrong';
  } else if (scenario === 'slow') {
    fegora.workMs = slowLoginMs;
  } else if (scenario !== 'cold') {
    void ask(state, first);
    await passTime(state, preparationMs[scenario]);
    startProcess(0);
  }
  if (scenario === 'locked') {
    fegora.password = 'another';
  }
  state.rejected = scenario === 'rejected' ? storedFingerprint(state) : undefined;
  startProcess(1);
  startProcess(2);
  simulation.log(`the scenario starts: ${scenario}`);
}

/** Lets the callers make calls and the planned faults happen. Returns the number of steps. */
async function runFaults(state: Run): Promise<number> {
  const { plan, simulation, oracle, environments } = state;
  const random = createRandom(plan.order);
  const faults = [...plan.faults];
  const until = simulation.now() + runMs;
  for (const index of environments.keys()) {
    callRepeatedly(state, index);
  }
  await settle();
  let steps = 0;
  let sinceFault = 0;
  while (simulation.now() < until && oracle.violations.length === 0) {
    const next = faults[0];
    if (next !== undefined && sinceFault >= next.after) {
      faults.shift();
      sinceFault = 0;
      await injectFault(state, next.fault);
      await settle();
    } else {
      await step(state, plan.order === 0 ? 0 : random());
      sinceFault += 1;
      steps += 1;
    }
  }
  state.areCalling = false;
  return steps;
}

/** Delivers one message, or lets time pass. Ends a run that loops without time passing. */
async function step(state: Run, random: number): Promise<void> {
  const { simulation, oracle } = state;
  state.steps += 1;
  if (state.steps > mostSteps) {
    oracle.addViolation('the run does not end');
    throw new Error('the run does not end');
  }
  const message = simulation.messages[Math.floor(random * simulation.messages.length)];
  await (message === undefined ? simulation.pass() : simulation.deliver(message));
}

async function passTime(state: Run, ms: number): Promise<void> {
  const { simulation } = state;
  const until = simulation.now() + ms;
  simulation.after(ms, () => {});
  await settle();
  while (simulation.now() < until) {
    await step(state, 0);
  }
}

/** A caller that asks again and again, whichever process runs at this index. */
function callRepeatedly(state: Run, index: number): void {
  const { simulation, environments, areCalling, rejected } = state;
  const environment = environments[index];
  if (areCalling && environment !== undefined) {
    if (environment.host.state() === 'running') {
      void ask(state, environment, rejected);
    }
    simulation.after(callEveryMs, () => callRepeatedly(state, index));
  }
}

/** Ends all faults and waits longer than any back-off. After that, a login must succeed. */
async function recover(state: Run): Promise<void> {
  const { simulation, oracle, fegora, environments, pendingCalls, startProcess } = state;
  simulation.log('all faults end');
  for (const { host } of environments) {
    await host.thaw('timers');
    host.jump(-host.offset());
  }
  fegora.workMs = 300;
  fegora.nextBehaviors.length = 0;
  rotateSecret(state);
  await passTime(state, invocationMs);
  for (const { host } of pendingCalls) {
    oracle.addViolation(`${host.name} never answered`);
  }
  await passTime(state, recoveryMs);
  const first = await answerOf(state, startProcess(0));
  if (first === 'too_many_refusals') {
    // The user rests for an hour after three refusals, also when the password is right by now.
    await passTime(state, restMs);
  }
  const end = first === 'too_many_refusals' ? await answerOf(state, startProcess(0)) : first;
  if (end !== 'served') {
    oracle.addViolation(`no token minutes after the last fault (${end})`);
  }
}

/** Asks, and waits as long as an invocation may take. Undefined if no answer came. */
async function answerOf(state: Run, environment: ExecutionEnvironment): Promise<string | undefined> {
  let end: string | undefined;
  void ask(state, environment).then((answer) => {
    end = answer;
  });
  await passTime(state, invocationMs);
  return end;
}
