// The fault plan of a soak run: what goes wrong, how often, and how. Used by soak.ts.
import type { Behavior } from '../exploration/fegora-model.ts';
import {
  amend,
  anyAccount,
  changePassword,
  lockOut,
  logInElsewhere,
  pause,
  report,
  reportEverywhere,
  rotateWrongly,
  sendLabelEvent,
  warmUp,
} from './account-events.ts';
import { normalConditions } from './conditions.ts';
import { accounts, addTo, hourMs, minuteMs, offsetsMs, type Process, type SoakState, secondMs } from './soak-state.ts';

const failures: readonly [Behavior, ...Behavior[]] = [
  'html_500',
  'unavailable',
  'cut',
  'unusable',
  'lost-successor',
  'replayed',
];

/** Starts all faults of the plan. Each happens again and again at random intervals. */
export function startFaults(state: SoakState): void {
  const { simulation, random, counts } = state;
  for (const [name, leastMs, mostMs, happen] of faultPlan) {
    const again = () => {
      if (state.ended.signal.aborted) {
        return;
      }
      addTo(counts.faults, name);
      simulation.log(`* ${name}`);
      happen(state);
      simulation.after(random.spread(leastMs, mostMs), again);
    };
    simulation.after(random.spread(leastMs, mostMs), again);
  }
}

/** A fault and the shortest and longest interval between its occurrences. */
type RepeatedFault = readonly [name: string, leastMs: number, mostMs: number, happen: (state: SoakState) => void];

const faultPlan: readonly RepeatedFault[] = [
  ['slow and lossy network', 2 * minuteMs, 20 * minuteMs, disturbNetwork],
  ['table down', 10 * minuteMs, 90 * minuteMs, takeTableDown],
  ['Secrets Manager down', 10 * minuteMs, 90 * minuteMs, takeSecretsDown],
  ['Fegora fails', 3 * minuteMs, 30 * minuteMs, failLogins],
  ['Fegora slow', 5 * minuteMs, 60 * minuteMs, slowLogins],
  ['other token lifetime', 30 * minuteMs, 5 * hourMs, changeLifetime],
  ['freeze', 10 * secondMs, 3 * minuteMs, freeze],
  ['kill', minuteMs, 15 * minuteMs, kill],
  ['clock jump', minuteMs, 10 * minuteMs, jump],
  ['password changed', hourMs, 10 * hourMs, changePassword],
  ['wrong rotation', 2 * hourMs, 12 * hourMs, rotateWrongly],
  ['lockout', 2 * hourMs, 10 * hourMs, lockOut],
  ['login elsewhere', 20 * minuteMs, 5 * hourMs, logInElsewhere],
  ['token reported', 20 * secondMs, 5 * minuteMs, report],
  ['token reported everywhere', hourMs, 6 * hourMs, reportEverywhere],
  ['secret label event', 10 * minuteMs, 2 * hourMs, sendLabelEvent],
  ['warm-up', 3 * minuteMs, 5 * minuteMs, warmUp],
  ['purge', hourMs, 5 * hourMs, (state) => amend(state, state.random.oneOf(accounts), 'purge')],
  ['clear-rejection', hourMs, 6 * hourMs, (state) => amend(state, state.random.oneOf(accounts), 'clear-rejection')],
  ['pause', hourMs, 6 * hourMs, pause],
];

function disturbNetwork({ simulation, random, conditions }: SoakState): void {
  Object.assign(conditions, { lossShare: 0.15, latencyMs: random.oneOf([400, 1500, 2500]) });
  const { lossShare, latencyMs } = normalConditions();
  simulation.after(
    random.spread(3 * secondMs, minuteMs),
    () => void Object.assign(conditions, { lossShare, latencyMs }),
  );
}

function takeTableDown({ simulation, random, conditions }: SoakState): void {
  conditions.isTableDown = true;
  simulation.after(random.spread(2 * secondMs, 3 * minuteMs), () => {
    conditions.isTableDown = false;
  });
}

function takeSecretsDown({ simulation, random, conditions }: SoakState): void {
  conditions.isSecretDown = true;
  simulation.after(random.spread(5 * secondMs, 20 * minuteMs), () => {
    conditions.isSecretDown = false;
  });
}

function failLogins(state: SoakState): void {
  const { simulation, random } = state;
  const { fegora } = anyAccount(state);
  fegora.behavior = random.oneOf(failures);
  simulation.after(random.spread(2 * secondMs, 20 * minuteMs), () => {
    fegora.behavior = 'normal';
  });
}

function slowLogins(state: SoakState): void {
  const { simulation, random } = state;
  const { fegora } = anyAccount(state);
  fegora.workMs = random.oneOf([2500, 7000, 12_000]);
  simulation.after(random.spread(5 * secondMs, 5 * minuteMs), () => {
    fegora.workMs = 300;
  });
}

function changeLifetime(state: SoakState): void {
  anyAccount(state).fegora.lifetimeMs = state.random.oneOf([30 * secondMs, 2 * minuteMs, 30 * minuteMs, 2 * hourMs]);
}

function anyProcess({ processes, random }: SoakState): [number, Process] {
  const index = random.between(0, processes.length - 1);
  const process = processes[index];
  if (process === undefined) {
    throw new Error('no such environment');
  }
  return [index, process];
}

/** Suspends no process whose wall clock was set back: with both clocks wrong, it could not know that time passed. */
function freeze(state: SoakState): void {
  const { simulation, random, pendingCalls, simulatedAccounts } = state;
  const [index, process] = anyProcess(state);
  const { host } = process.environment;
  if (host.state() !== 'running') {
    return;
  }
  const suspends = random.chance(0.4) && host.offset() >= (offsetsMs[index] ?? 0);
  process.wasSuspended ||= suspends;
  host.freeze(suspends ? 'suspended' : 'stopped');
  for (const call of pendingCalls) {
    call.wasFrozen ||= call.host === host;
  }
  for (const { oracle } of simulatedAccounts.values()) {
    oracle.excuse(host, 'its process was frozen');
  }
  const first = random.chance(0.5) ? 'timers' : 'arrivals';
  simulation.after(random.spread(300, minuteMs), () => host.thaw(first));
}

function kill(state: SoakState): void {
  const { simulation, random, pendingCalls, simulatedAccounts, startProcess } = state;
  const [index, { environment }] = anyProcess(state);
  const { host } = environment;
  if (host.state() === 'dead') {
    return;
  }
  host.kill();
  for (const { oracle } of simulatedAccounts.values()) {
    oracle.hostDied(host);
  }
  for (const call of pendingCalls) {
    if (call.host === host) {
      pendingCalls.delete(call);
    }
  }
  simulation.after(random.between(100, 3000), () => startProcess(index));
}

/** Moves a wall clock and moves it back after a while. */
function jump(state: SoakState): void {
  const { simulation, random } = state;
  const [, process] = anyProcess(state);
  const { host } = process.environment;
  const ms = random.spread(6 * secondMs, 3 * hourMs) * (process.wasSuspended || random.chance(0.5) ? 1 : -1);
  if (host.state() !== 'dead') {
    host.jump(ms);
    simulation.after(random.spread(5 * secondMs, 10 * minuteMs), () => host.jump(-ms));
  }
}
