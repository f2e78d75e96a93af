// Writes one line for each call, warm-up and reload. Called by start.ts.
import { styleText } from 'node:util';
import type { CallRecord } from './gateway/call-record.ts';
import type { Reload } from './reloading.ts';
import type { WarmUp } from './warm-ups.ts';

type Colour = 'green' | 'yellow' | 'red' | 'dim';

/** The names of the columns. */
export const callColumns = 'time, caller, account, status, source or error, duration';

/** A call: time, caller, account, status, where the token came from or why there is none, duration. */
export function callLine({
  at,
  caller = '-',
  account = '-',
  alias = '',
  status,
  code,
  source,
  ms,
}: CallRecord): string {
  const colour = status >= 500 ? 'red' : code === undefined ? 'green' : 'yellow';
  return line(at, { caller, account, status: String(status), what: code ?? source ?? alias, ms }, colour);
}

/** A warm-up of one account, in the columns of a call. */
export function warmUpLine({ at, account, outcome, ms }: WarmUp): string {
  const colour = outcome.startsWith('failed') ? 'red' : 'dim';
  return line(at, { caller: 'warm-up', account, status: '-', what: outcome, ms }, colour);
}

/** A reload of the function, or why it did not take place. */
export function reloadLine({ file, problem, ms }: Reload, at: number): string {
  return problem === undefined
    ? `${timeOf(at)}  ${coloured('dim', `loaded again after a change of ${file}`)}  ${Math.round(ms)} ms`
    : `${timeOf(at)}  ${coloured('red', `${file} cannot be loaded, so the function stays as it was: ${problem}`)}`;
}

interface Columns {
  readonly caller: string;
  readonly account: string;
  readonly status: string;
  readonly what: string;
  readonly ms: number;
}

function line(at: number, { caller, account, status, what, ms }: Columns, colour: Colour): string {
  const end = `${coloured(colour, `${status.padEnd(3)}  ${what.padEnd(28)}`)}  ${Math.round(ms)} ms`;
  return [timeOf(at), caller.padEnd(8), account.padEnd(10), end].join('  ');
}

/** The time of day on this machine. */
function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** Only on a terminal with colours. */
function coloured(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}
