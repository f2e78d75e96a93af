// What a login uses of the world, answered by the test. Used by test/unit/lambda/broker/login/.
import type { Clock } from '../../../lambda/broker/clock.ts';
import type { Item } from '../../../lambda/broker/item.ts';
import type { LoginOutcome } from '../../../lambda/broker/login/login-outcome.ts';
import type {
  AccountPorts,
  Change,
  Claim,
  LoginConnection,
  Noticed,
  SendOptions,
} from '../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../lambda/config.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { credentials } from './login-order.ts';

/** How the table takes one write: does it, refuses it, throws, hangs until the write is given up, or is throttled (claims only). */
export type TableAnswer = 'done' | 'refused' | 'down' | 'hangs' | 'throttled';

/** A table that notes what it is asked to write, and when. It answers from the list, and after that it does each write. */
export function answeredTable(clock: Clock, answers: readonly TableAnswer[] = []) {
  const start = clock.monotonic();
  const left = [...answers];
  const claims: { readonly item: Item; readonly claim: Claim; readonly signal: AbortSignal }[] = [];
  /** `atMs`: milliseconds since the table was made. */
  const writes: { readonly atMs: number; readonly change: Change }[] = [];
  const answer = (signal: AbortSignal) => {
    const next = left.shift() ?? 'done';
    return next === 'throttled' ? Promise.resolve(undefined) : takeAs(next, signal);
  };
  const table: AccountPorts['table'] = {
    read: unused,
    claim: (item, claim, signal) => {
      claims.push({ item, claim, signal });
      return answer(signal);
    },
    write: async (change, signal) => {
      writes.push({ atMs: clock.monotonic() - start, change });
      return (await answer(signal)) === true;
    },
  };
  return { table, claims, writes, written: () => writes.map(({ change }) => change) };
}

function takeAs(answer: Exclude<TableAnswer, 'throttled'>, signal: AbortSignal): Promise<boolean> {
  const down = new BrokerError('table_unavailable', 'the table is down');
  switch (answer) {
    case 'done':
    case 'refused':
      return Promise.resolve(answer === 'done');
    case 'down':
      return Promise.reject(down);
    case 'hangs':
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(down)));
  }
}

/** The ports of the account `main`, with a random number of 0.5, and what was observed. Other ports than these throw. */
export function portsWith(parts: Pick<AccountPorts, 'clock' | 'table'> & Partial<AccountPorts>) {
  const observed: Noticed[] = [];
  const ports: AccountPorts = {
    ...{ account: 'main', tokenUrl: 'https://fegora.invalid/token', loginBudget: defaultLoginBudget },
    ...{ random: () => 0.5, isConfigured: () => true, observe: (noticed) => void observed.push(noticed) },
    ...{ readCredentials: async () => credentials, login: unused },
    users: { read: unused, write: unused, bindUser: unused },
    ...parts,
  };
  return { ports, observed };
}

function unused(): Promise<never> {
  return Promise.reject(new Error('not asked for here'));
}

/** A connection over which Fegora answers like this, `answerMs` after the first byte, or when the login is given up. */
export function answeringConnection(clock: VirtualClock, outcome: LoginOutcome, answerMs: number) {
  /** The signals and the options of the logins that were sent, and how often the connection was closed. */
  const signals: AbortSignal[] = [];
  const sent: SendOptions[] = [];
  const used = { signals, sent, closed: 0 };
  const connection: LoginConnection = {
    kind: 'connected',
    send: async (_, options) => {
      const { signal, beforeFirstByte } = options;
      used.signals.push(signal);
      used.sent.push(options);
      if (!beforeFirstByte()) {
        return { kind: 'withheld' };
      }
      await clock.sleep(answerMs, signal);
      return outcome;
    },
    close: () => {
      used.closed += 1;
    },
  };
  return { connection, used };
}
