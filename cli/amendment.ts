import type { Command } from 'commander';
import { notTheBroker, order } from './admin.ts';
import { findTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

/** A command that changes what the broker knows of one account. */
export interface Amendment {
  readonly action: string;
  readonly description: string;
  /** What has happened, said after the account. */
  readonly done: string;
}

/** Adds a command that gives the broker one order for one account. */
export function addAmendment(program: Command, terminal: Terminal, { action, description, done }: Amendment): void {
  program
    .command(action)
    .description(description)
    .argument('<account>', 'account id')
    .action(async (account: string, _options: object, command: Command) => {
      const { outcome } = await order(findTarget(command.optsWithGlobals<TargetOptions>()), { action, account });
      if (outcome !== 'done') {
        throw notTheBroker();
      }
      terminal.print(`${account}: ${done}`);
    });
}
