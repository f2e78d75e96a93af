// Says in one word how an account is, and what to do. Called by table.ts and by ../doctor/.
import { unexpectedAnswer } from '../aws/admin.ts';
import { describeDistance } from '../output/times.ts';
import { runbookOf } from './runbooks.ts';

/** What the broker's `status` says of one account. A broker of another version may have other members. */
export type AccountStatus = Readonly<Record<string, unknown>>;

/**
 * Returns the accounts in the answer to `status`.
 *
 * @throws CommandError if the answer is not from a broker
 */
export function accountsIn({ accounts }: Readonly<Record<string, unknown>>): readonly AccountStatus[] {
  if (!Array.isArray(accounts) || !accounts.every((one) => typeof one === 'object' && one !== null)) {
    throw unexpectedAnswer();
  }
  return accounts;
}

/** How an account is. */
export interface AccountState {
  /** `wrong` keeps callers from a token, or will; `busy` ends soon and by itself. */
  readonly urgency: 'wrong' | 'busy' | 'fine';
  /** One or two words, for a table. */
  readonly state: string;
  /** What it means, and what to do. Undefined if there is nothing to say. */
  readonly advice?: string;
  /** Where to read on, if it is wrong: a page of the documentation with the anchor of a heading. */
  readonly runbook?: string;
}

/** Returns the state if the rule is true for the account. */
type Rule = (status: AccountStatus, now: number) => AccountState | undefined;

/** Codes that need a person, and what the person does. All others end without one. */
const advices: Readonly<Record<string, string>> = {
  credentials_rejected: 'Fegora refuses user or password; check them at Fegora, then run `credentials set`',
  secret_malformed: 'the secret has not the form that the broker reads; store it with `credentials set`',
  secret_missing: 'the secret does not exist, or has lost its tag; check the accounts of the stack',
  credentials_missing: 'the secret has no value; store one with `credentials set`',
  secret_unavailable: 'Secrets Manager cannot be reached; look at AWS Health',
  duplicate_user: 'another account has this Fegora user; give each account a user of its own',
  client_rejected: 'Fegora refuses the client id; check `clientId` in the settings',
  configuration: 'the broker is not configured correctly; read its log',
};

/** What an operator has to know first stands first, because only the first rule that is true counts. */
const rules: readonly Rule[] = [
  ({ error }) => wrong('not readable', error, error, `the broker answers ${error}; read its log`),
  ({ fault }) =>
    wrong('faulty item', fault, 'item_malformed', `the broker cannot read ${fault} of its item; see \`reset --help\``),
  ({ open, paused, secret_error: code }) =>
    wrong(
      'removed',
      open && paused && code === 'secret_missing',
      code,
      'its secret is gone; `accounts add` brings it back',
    ),
  ({ paused }) => wrong('paused', paused, 'paused', 'no login starts, and no token is handed out; `resume` ends it'),
  ({ rests_until: end }, now) => {
    const advice = `too many passwords were refused; no login starts before ${end}`;
    return wrong('resting', isAfter(end, now), 'too_many_refusals', advice);
  },
  ({ open, secret_error: code }) =>
    wrong(
      'no value',
      open && code === 'credentials_missing',
      code,
      'its secret has no value; run `accounts add` again',
    ),
  ({ secret_error: code }) => needsPerson(String(code)),
  (status) => needsPerson(String(currentError(status) ?? status.retry_code)),
  ({ lease_until: end }, now) =>
    isAfter(end, now) ? { urgency: 'busy', state: 'logging in', advice: 'a login is under way' } : undefined,
  ({ retry_at: at, retry_code: code }, now) => {
    const advice = `the last login failed (${code}); the next one starts ${distanceTo(at, now)}`;
    return wrong('waiting', isAfter(at, now), code, advice);
  },
  (status) => {
    const code = currentError(status);
    return wrong('failing', code, code, `the last login failed (${code}); the next call tries again`);
  },
];

/** Returns the state of an account. `now` is in epoch milliseconds. */
export function stateOf(status: AccountStatus, now: number): AccountState {
  for (const rule of rules) {
    const state = rule(status, now);
    if (state !== undefined) {
      return state;
    }
  }
  return { urgency: 'fine', state: isAfter(status.expires_at, now) ? 'ok' : 'no token' };
}

/** The code of the last error, unless a later login succeeded. */
export function currentError({ last_error: error, last_login: login }: AccountStatus): unknown {
  const { code, at } = { code: undefined, at: undefined, ...(typeof error === 'object' ? error : {}) };
  return timeOf(login) > timeOf(at) ? undefined : code;
}

/** Epoch milliseconds; NaN for anything but a time. */
export function timeOf(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

function isAfter(value: unknown, now: number): boolean {
  return timeOf(value) > now;
}

function distanceTo(value: unknown, now: number): string {
  return describeDistance(timeOf(value), now);
}

/** @param failure the code or incident whose runbook helps */
function wrong(state: string, condition: unknown, failure: unknown, advice: string): AccountState | undefined {
  return condition ? { urgency: 'wrong', state, advice, ...runbookOf(failure) } : undefined;
}

function needsPerson(code: string): AccountState | undefined {
  return wrong(code.replaceAll('_', ' '), advices[code], code, advices[code] ?? '');
}
