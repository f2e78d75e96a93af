// Changes of passwords and secrets, reports of tokens and actions of operators. Used by fault-plan.ts.
import type { Amendment } from '../../lambda/broker/ports.ts';
import { fingerprint } from '../../lambda/broker/token.ts';
import type { SimulatedAccount } from '../exploration/environment.ts';
import { accounts, ask, hourMs, minuteMs, operate, putVersion, type SoakState, secondMs } from './soak-state.ts';

/** Lets one environment make an operator's change. */
export function amend(state: SoakState, account: string, amendment: Amendment): void {
  operate(state, ({ broker }, remaining) => broker.amend(account, amendment, remaining));
}

/** Returns one account at random. */
export function anyAccount({ simulatedAccounts, random }: SoakState): SimulatedAccount {
  const simulatedAccount = simulatedAccounts.get(random.oneOf(accounts));
  if (simulatedAccount === undefined) {
    throw new Error('no such account');
  }
  return simulatedAccount;
}

function newPassword({ random }: SoakState): string {
  return `not-a-real-password-${random.between(2, 1e9)}`;
}

export function changePassword(state: SoakState): void {
  const simulatedAccount = anyAccount(state);
  simulatedAccount.fegora.password = newPassword(state);
  correctSecret(state, simulatedAccount);
}

export function rotateWrongly(state: SoakState): void {
  const simulatedAccount = anyAccount(state);
  putVersion(simulatedAccount, newPassword(state));
  correctSecret(state, simulatedAccount);
}

/** Gives the secret Fegora's password after a while, with up to three events that announce it. */
function correctSecret(state: SoakState, simulatedAccount: SimulatedAccount): void {
  const { simulation, random } = state;
  simulation.after(random.spread(secondMs, hourMs), () => {
    simulation.log(`* the secret of ${simulatedAccount.account} is corrected`);
    putVersion(simulatedAccount, simulatedAccount.fegora.password);
    for (let times = random.between(0, 3); times > 0; times -= 1) {
      operate(state, ({ broker }, remaining) => broker.verify(simulatedAccount.account, remaining));
    }
  });
}

/** Lets Fegora refuse the right password for a while. */
export function lockOut(state: SoakState): void {
  const { simulation, random } = state;
  const { fegora } = anyAccount(state);
  const { password } = fegora;
  const locked = newPassword(state);
  fegora.password = locked;
  simulation.after(random.spread(minuteMs, 2 * hourMs), () => {
    fegora.password = fegora.password === locked ? password : fegora.password;
  });
}

/** Ends the refresh token of one user. */
export function logInElsewhere(state: SoakState): void {
  anyAccount(state).fegora.refreshToken = undefined;
}

function storedFingerprint({ table }: SoakState, account: string): string {
  return fingerprint(table.rows.get(account)?.access_token?.S ?? '');
}

export function report(state: SoakState): void {
  const { random, processes } = state;
  const account = random.oneOf(accounts);
  const rejected = random.chance(0.5) ? storedFingerprint(state, account) : fingerprint('an older one');
  ask(state, random.between(0, processes.length - 1), { account, rejected });
}

export function reportEverywhere(state: SoakState): void {
  const account = state.random.oneOf(accounts);
  const rejected = storedFingerprint(state, account);
  for (const index of state.processes.keys()) {
    ask(state, index, { account, rejected });
  }
}

export function sendLabelEvent(state: SoakState): void {
  operate(state, ({ broker }, remaining) => broker.verify(state.random.oneOf(accounts), remaining));
}

export function warmUp(state: SoakState): void {
  for (const account of accounts) {
    operate(state, ({ broker }, remaining) => broker.warm(account, remaining));
  }
}

export function pause(state: SoakState): void {
  const { simulation, random } = state;
  const account = random.oneOf(accounts);
  amend(state, account, 'pause');
  const resume = () => {
    amend(state, account, 'resume');
    // The first try may fail: the process may be frozen or the table down.
    if (state.table.rows.get(account)?.paused !== undefined) {
      simulation.after(10 * secondMs, resume);
    }
  };
  simulation.after(random.spread(10 * secondMs, 10 * minuteMs), resume);
}
