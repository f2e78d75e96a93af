// Writes the states of accounts as a table. Called by status.ts.
import type { Output } from '../output/output.ts';
import { describeDistance, describeTime } from '../output/times.ts';
import { type AccountState, type AccountStatus, currentError, stateOf, timeOf } from './account-state.ts';

const titles = ['account', 'state', 'token ends', 'renewal', 'last login', 'logins 1 h / 24 h'];
const order = ['wrong', 'busy', 'fine'];
const styles = { wrong: 'red', busy: 'yellow', fine: 'green' } as const;

/**
 * Returns one row an account, and below the row what to do. What needs attention is at the top.
 *
 * @param now epoch milliseconds
 */
export function tableOf(accounts: readonly AccountStatus[], { style }: Pick<Output, 'style'>, now: number): string[] {
  const entries = accounts
    .map((status) => ({ status, state: stateOf(status, now) }))
    .sort((one, other) => order.indexOf(one.state.urgency) - order.indexOf(other.state.urgency));
  const rows = entries.map(({ status, state }) => cellsOf(status, state, now));
  const widths = titles.map((_, at) => Math.max(...[titles, ...rows].map((cells) => cells[at]?.length ?? 0)));
  const pad = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0));
  return [
    style('bold', lineOf(pad(titles))),
    ...entries.flatMap(({ state }, at) => {
      const [account = '', word = '', ...others] = pad(rows[at] ?? []);
      const row = lineOf([account, style(styles[state.urgency], word), ...others]);
      return state.advice === undefined ? [row] : [row, `  ${state.advice}`];
    }),
  ];
}

function lineOf(cells: readonly string[]): string {
  return cells.join('  ').trimEnd();
}

function cellsOf(status: AccountStatus, { state }: AccountState, now: number): string[] {
  const distance = (value: unknown) => (Number.isNaN(timeOf(value)) ? '-' : describeDistance(timeOf(value), now));
  const { logins_last_hour: hour = '-', logins_last_day: day = '-' } = status;
  return [
    String(status.account),
    state,
    distance(status.expires_at),
    distance(status.next_renewal),
    distance(status.last_login),
    `${hour} / ${day}`,
  ];
}

/** Returns every member of a status, with the distance to each time. */
export function detailsOf(status: AccountStatus, now: number): string[] {
  const { account: _, last_error: error, ...members } = status;
  const shown = { ...members, ...(currentError(status) !== undefined && { last_error: error }) };
  return Object.entries(shown).map(([name, value]) => `  ${name.padEnd(16)} ${format(value, now)}`);
}

/** An object has two members, what happened and when: `upstream_timeout at 2026-11-24T12:00:00.000Z`. */
function format(value: unknown, now: number): string {
  return typeof value === 'object' && value !== null
    ? Object.values(value)
        .map((part) => describeTime(String(part), now))
        .join(' at ')
    : describeTime(String(value), now);
}
