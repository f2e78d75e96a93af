import type { Command } from 'commander';
import { addAmendment } from './amendment.ts';
import type { Terminal } from './terminal.ts';

/** For work on the account at Fegora. */
export function addPause(program: Command, terminal: Terminal): void {
  addAmendment(program, terminal, {
    action: 'pause',
    description: 'start no login; tokens that are valid are still served',
    done: 'paused',
  });
}
