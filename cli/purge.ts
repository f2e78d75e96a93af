import type { Command } from 'commander';
import { addAmendment } from './amendment.ts';
import type { Terminal } from './terminal.ts';

/** For a token that should not be kept. Fegora cannot revoke it, and environments do not ask the table while theirs is good. */
export function addPurge(program: Command, terminal: Terminal): void {
  addAmendment(program, terminal, {
    action: 'purge',
    description: 'remove the token from the table; environments that have it in memory serve it on',
    done: 'token removed from the table; environments that have it in memory serve it on',
  });
}
