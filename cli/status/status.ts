// The command `status`: prints what the broker knows about its accounts. Called by ../program.ts.
import type { Command } from 'commander';
import { invokeAdmin } from '../aws/admin.ts';
import { addExamples } from '../output/examples.ts';
import type { Output } from '../output/output.ts';
import { findTarget, type Target, type TargetOptions } from '../target.ts';
import { accountsIn } from './account-state.ts';
import { addedStatuses } from './added-status.ts';
import { detailsOf, tableOf } from './table.ts';

/** Adds the command. Its output never contains a token. As JSON it is the broker's answer, unchanged. */
export function addStatus(program: Command, output: Output): void {
  const added = program
    .command('status')
    .description('show how each account is, how long its token lasts, and what needs attention')
    .argument('[account]', 'account id, for all that is known of it (default: a row for each account)')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const target = findTarget(command.optsWithGlobals<TargetOptions>(), output.note);
      await (account === undefined ? showAll(target, output) : showOne(target, output, account));
    });
  addExamples(added, program, [
    ['all accounts, those that need attention first', 'status'],
    ['all that the broker knows of one account', 'status main'],
    ['the accounts whose last login failed', "status --output json | jq '.accounts[] | select(.last_error)'"],
  ]);
}

async function showOne(target: Target, output: Output, account: string): Promise<void> {
  const answer = await invokeAdmin(target, { action: 'status', account });
  const accounts = accountsIn(answer);
  const now = Date.now();
  output.show(answer, [...tableOf(accounts, output, now), ...accounts.flatMap((status) => detailsOf(status, now))]);
}

/** Shows the listed accounts, and then the others in pages. Each page is a table. */
async function showAll(target: Target, output: Output): Promise<void> {
  const answer = await invokeAdmin(target, { action: 'status' });
  const accounts = [...accountsIn(answer)];
  output.show(answer, tableOf(accounts, output, Date.now()));
  for await (const page of addedStatuses(target)) {
    accounts.push(...page);
    output.show({ accounts }, tableOf(page, output, Date.now()));
  }
}
