import type { Command } from 'commander';
import { addAmendment } from './amendment.ts';
import type { Terminal } from './terminal.ts';

/** Ends a pause. */
export function addResume(program: Command, terminal: Terminal): void {
  addAmendment(program, terminal, {
    action: 'resume',
    description: 'start logins again',
    done: 'resumed',
  });
}
