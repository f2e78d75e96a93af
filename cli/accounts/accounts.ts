// The commands `accounts add`, `accounts list` and `accounts remove`. Called by ../program.ts.
import type { Command } from 'commander';
import { addExamples } from '../output/examples.ts';
import type { Output } from '../output/output.ts';
import { findTarget, type TargetOptions } from '../target.ts';
import { type AddOptions, addAccount } from './add.ts';
import { listAccounts } from './list.ts';
import { type RemoveOptions, removeAccount } from './remove.ts';

/** Adds the commands. They are for brokers whose accounts are open: none needs a deployment. */
export function addAccounts(program: Command, output: Output): void {
  const accounts = program.command('accounts').description('add, list and remove accounts without a deployment');
  addAdd(program, accounts, output);
  addList(program, accounts, output);
  addRemove(program, accounts, output);
}

function addAdd(program: Command, accounts: Command, output: Output): void {
  const added = accounts
    .command('add')
    .description('ask for the Fegora credentials of a new account, store them in a new secret, and log in with them')
    .argument('<account>', 'id of the new account')
    .option('--username <name>', 'Fegora user, usually the NIT (default: the command asks)')
    .option('--client-id <id>', 'client id of this account (default: the one of the broker)')
    .option('--no-verify', 'do not log in with them now')
    .option('--yes', 'store them without a question, also if Fegora refused a password within the last hour')
    .action(async (account: string, _options: object, command: Command) => {
      // What is typed while the command waits may be the password.
      output.hide();
      const options = command.optsWithGlobals<AddOptions & TargetOptions>();
      await addAccount(findTarget(options, output.note), output, account, options);
    });
  addExamples(added, program, [
    ['type user and password, and let the broker log in with them', 'accounts add tienda-1'],
    [
      'in a script: the password is a line of standard input',
      'accounts add tienda-1 --username 12345678 < password.txt',
    ],
  ]);
}

function addList(program: Command, accounts: Command, output: Output): void {
  const added = accounts
    .command('list')
    .description('list the accounts that were added here, and those that wait for their deletion')
    .action(async (_options: object, command: Command) => {
      await listAccounts(findTarget(command.optsWithGlobals<TargetOptions>(), output.note), output);
    });
  addExamples(added, program, [['all of them, in pages of 100', 'accounts list']]);
}

function addRemove(program: Command, accounts: Command, output: Output): void {
  const added = accounts
    .command('remove')
    .description('stop an account, drop its token, and delete its secret after 30 days')
    .argument('<account>', 'account id')
    .option('--yes', 'do it without a question')
    .action(async (account: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<RemoveOptions & TargetOptions>();
      await removeAccount(findTarget(options, output.note), output, account, options);
    });
  addExamples(added, program, [
    ['until its secret is gone, `accounts add` brings it back', 'accounts remove tienda-1'],
  ]);
}
