import type { Command } from 'commander';
import { addAmendment } from './amendment.ts';
import type { Terminal } from './terminal.ts';

/** For when Fegora has unlocked the account, or is back before the broker looks again. */
export function addClearRejection(program: Command, terminal: Terminal): void {
  addAmendment(program, terminal, {
    action: 'clear-rejection',
    description: 'let the broker log in again at once, with credentials that Fegora refused or after an outage',
    done: 'free to log in again',
  });
}
