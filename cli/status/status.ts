// The command `status`: prints what the broker knows about its accounts. Called by ../program.ts.
import type { Command } from 'commander';
import { invokeAdmin, unexpectedAnswer } from '../aws/admin.ts';
import { addExamples } from '../output/examples.ts';
import type { Output } from '../output/output.ts';
import { findTarget, type TargetOptions } from '../target.ts';
import type { AccountStatus } from './account-state.ts';
import { detailsOf, tableOf } from './table.ts';

/** Adds the command. Its output never contains a token. As JSON it is the broker's answer, unchanged. */
export function addStatus(program: Command, output: Output): void {
  const added = program
    .command('status')
    .description('show how each account is, how long its token lasts, and what needs attention')
    .argument('[account]', 'account id, for all that is known of it (default: a row for each account)')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const target = findTarget(command.optsWithGlobals<TargetOptions>(), output.note);
      const answer = await invokeAdmin(target, { action: 'status', ...(account !== undefined && { account }) });
      const accounts = accountsIn(answer);
      const now = Date.now();
      const details = account === undefined ? [] : accounts.flatMap((status) => detailsOf(status, now));
      output.show(answer, [...tableOf(accounts, output, now), ...details]);
    });
  addExamples(added, program, [
    ['all accounts, those that need attention first', 'status'],
    ['all that the broker knows of one account', 'status main'],
    ['the accounts whose last login failed', "status --output json | jq '.accounts[] | select(.last_error)'"],
  ]);
}

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
