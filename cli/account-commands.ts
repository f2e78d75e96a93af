// The commands that give the broker one order for one account: pause, resume, purge, clear-rejection. Called by program.ts.
import type { Command } from 'commander';
import { invokeAdmin, unexpectedAnswer } from './admin.ts';
import { findTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface AccountCommand {
  /** The command's name, and the action that the broker's `admin` alias gets. */
  readonly action: string;
  readonly description: string;
  /** What the command prints after the account, once it is done. */
  readonly done: string;
}

const accountCommands: readonly AccountCommand[] = [
  {
    action: 'clear-rejection',
    description: 'let the broker log in again at once, after refused credentials or during a waiting time',
    done: 'free to log in again',
  },
  {
    action: 'pause',
    description: 'start no new login; the broker still serves valid tokens',
    done: 'paused',
  },
  {
    action: 'resume',
    description: 'allow logins again after a pause',
    done: 'resumed',
  },
  {
    action: 'purge',
    description: 'remove the token from the table; environments with a copy in memory continue to serve it',
    done: 'token removed from the table; environments that have it in memory serve it on',
  },
];

/** Adds one command for each row of the table. */
export function addAccountCommands(program: Command, terminal: Terminal): void {
  for (const { action, description, done } of accountCommands) {
    program
      .command(action)
      .description(description)
      .argument('<account>', 'account id')
      .action(async (account: string, _options: object, command: Command) => {
        const { outcome } = await invokeAdmin(findTarget(command.optsWithGlobals<TargetOptions>()), {
          action,
          account,
        });
        if (outcome !== 'done') {
          throw unexpectedAnswer();
        }
        terminal.print(`${account}: ${done}`);
      });
  }
}
