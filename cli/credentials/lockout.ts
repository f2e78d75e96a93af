// Warns before a new password could lock the Fegora user. Called by credentials-set.ts.
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';
import { isYes } from './yes.ts';

/** Fegora is assumed to count refused passwords over this time. Milliseconds. */
const countedMs = 3_600_000;

/**
 * Asks the operator whether to store a new password, if Fegora refused one within the last hour: every new version of the
 * secret is sent to Fegora, and one more refused password may lock the user.
 *
 * @param status what the broker's `status` says of the account; undefined if the broker was not asked
 * @param now epoch milliseconds
 * @throws CommandError if the operator says no, or if there is neither a terminal nor `--yes`
 */
export async function confirmRisk(
  output: Pick<Output, 'isInteractive' | 'ask' | 'note'>,
  status: unknown,
  { yes, now }: { readonly yes: boolean; readonly now: number },
): Promise<void> {
  const risk = describeRisk(status, now);
  if (risk === undefined) {
    return;
  }
  if (!output.isInteractive && !yes) {
    const advice = 'Check the password at Fegora first, then run the command again with --yes.';
    throw new CommandError(exitCodes.failed, `nothing was stored: ${risk} ${advice}`);
  }
  output.note(risk);
  if (!yes && !isYes(await output.ask('Store a new password all the same? [y/N] '))) {
    throw new CommandError(exitCodes.failed, 'nothing was stored');
  }
}

/** Whether Fegora refused the version that is current now, and no login has succeeded since. */
export function isRefused(status: unknown): boolean {
  const { last_error: error, last_login: login } = membersOf(status);
  const { code, at } = membersOf(error);
  return code === 'credentials_rejected' && !(timeOf(login) > timeOf(at));
}

/** Returns why a new password may lock the user, or undefined if Fegora refused none within the last hour. */
function describeRisk(status: unknown, now: number): string | undefined {
  const { refused_sends: counted, rests_until: rest, last_error: error } = membersOf(status);
  const { code, at } = membersOf(error);
  const isLastRefused = code === 'credentials_rejected' && now - timeOf(at) < countedMs;
  const refused = typeof counted === 'number' ? counted : Number(isLastRefused);
  if (timeOf(rest) > now) {
    return `Fegora refused ${passwords(refused)} within the last hour. The broker sends no other one before ${rest}.`;
  }
  return refused > 0
    ? `Fegora refused ${passwords(refused)} within the last hour. One more wrong one may lock the user.`
    : undefined;
}

function passwords(count: number): string {
  return count === 1 ? 'a password of this account' : `${count} passwords of this account`;
}

/** Epoch milliseconds; NaN for anything but a time. */
function timeOf(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
