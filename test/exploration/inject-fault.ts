// Carries out the faults of a plan. Called by run.ts.
import type { Fault } from './fault-plan.ts';
import { account, ask, invocationMs, type Run, storedFingerprint } from './run-state.ts';
import type { Simulation } from './simulation.ts';

const restartMs = 500;

/** Carries out one fault. Faults of a dead or frozen process have no effect. */
export async function injectFault(state: Run, fault: Fault): Promise<void> {
  const { simulation, environments, fegora } = state;
  switch (fault.kind) {
    case 'kill':
      return kill(state, fault.env);
    case 'stop':
    case 'stop-then-read':
    case 'suspend':
      return freeze(state, fault);
    case 'clock-jump':
      return environments[fault.env]?.host.jump(fault.ms);
    case 'lose':
    case 'overtake':
    case 'delay':
      return await disturbMessage(simulation, fault);
    case 'behavior':
      simulation.log(`* Fegora handles the next login: ${fault.behavior}`);
      fegora.nextBehaviors.push(fault.behavior);
      return;
    case 'login-time':
      simulation.log(`* Fegora takes ${fault.ms} ms for a login`);
      fegora.workMs = fault.ms;
      return;
    case 'change-password':
      simulation.log("* Fegora's password changes");
      fegora.password = fegora.password === 'right' ? 'another' : 'right';
      return;
    case 'log-in-elsewhere':
      simulation.log('* the user logs in elsewhere');
      fegora.refreshToken = undefined;
      return;
    case 'rotate-secret':
      return rotateSecret(state);
    default:
      return operate(state, fault);
  }
}

function kill({ simulation, oracle, environments, pendingCalls, startProcess }: Run, index: number): void {
  const host = environments[index]?.host;
  if (host === undefined || host.state() === 'dead') {
    return;
  }
  host.kill();
  oracle.hostDied(host);
  for (const call of pendingCalls) {
    if (call.host === host) {
      pendingCalls.delete(call);
    }
  }
  simulation.after(restartMs, () => {
    startProcess(index);
  });
}

type Freeze = Extract<Fault, { kind: 'stop' | 'stop-then-read' | 'suspend' }>;

function freeze({ simulation, oracle, environments, pendingCalls }: Run, { kind, env, ms }: Freeze): void {
  const host = environments[env]?.host;
  if (host?.state() !== 'running') {
    return;
  }
  host.freeze(kind === 'suspend' ? 'suspended' : 'stopped');
  oracle.excuse(host, 'its process was frozen');
  for (const call of pendingCalls) {
    call.wasFrozen ||= call.host === host;
  }
  simulation.after(ms, () => host.thaw(kind === 'stop-then-read' ? 'arrivals' : 'timers'));
}

type MessageFault = Extract<Fault, { nth: number }>;

async function disturbMessage(simulation: Simulation, fault: MessageFault): Promise<void> {
  const { messages } = simulation;
  const message = messages[fault.nth % Math.max(1, messages.length)];
  if (message === undefined) {
    return;
  }
  if (fault.kind === 'overtake') {
    await simulation.deliver(message);
  } else {
    simulation.lose(message);
  }
  if (fault.kind === 'delay' && message.latest === undefined) {
    simulation.log(`  … for ${fault.ms} ms only`);
    simulation.after(fault.ms, () => simulation.send(message));
  }
}

/** Gives the secret a new version with the password that Fegora has now. */
export function rotateSecret({ simulation, fegora, secret }: Run): void {
  secret.versionId = `v${Number(secret.versionId.slice(1)) + 1}`;
  secret.password = fegora.password;
  simulation.log(`* the secret becomes ${secret.versionId}, with Fegora's password`);
}

type Operation = Extract<Fault, { kind: 'warm' | 'verify' | 'report' | 'purge' | 'clear-rejection' }>;

function operate(state: Run, { kind, env }: Operation): void {
  const { simulation, environments } = state;
  const environment = environments[env];
  if (environment?.host.state() !== 'running') {
    return;
  }
  simulation.log(`* ${environment.host.name} is asked to ${kind}`);
  const endsAt = simulation.now() + invocationMs;
  const remaining = () => endsAt - simulation.now();
  if (kind === 'report') {
    void ask(state, environment, storedFingerprint(state));
  } else if (kind === 'purge' || kind === 'clear-rejection') {
    environment.broker.amend(account, kind, remaining).catch(() => {});
  } else if (kind === 'warm') {
    environment.broker.warm(account, remaining).catch(() => {});
  } else {
    environment.broker.verify(account, remaining).catch(() => {});
  }
}
