import type { Command } from 'commander';
import { addAmendment } from './amendment.ts';
import type { Terminal } from './terminal.ts';

/** For a token that must not be served any more. Fegora cannot revoke it: it stays valid until it expires. */
export function addPurge(program: Command, terminal: Terminal): void {
  addAmendment(program, terminal, {
    action: 'purge',
    description: 'forget the token; the next call logs in',
    done: 'token forgotten',
  });
}
