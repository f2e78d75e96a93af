// The command `status`: prints what the broker knows about its accounts. Called by program.ts.
import type { Command } from 'commander';
import { invokeAdmin, unexpectedAnswer } from './admin.ts';
import { findTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

/** Adds the command. Its output never contains a token. */
export function addStatus(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('show expiry, logins, last error, waiting times and refused credentials of each account')
    .argument('[account]', 'account id (default: all accounts)')
    .option('--json', 'print the broker’s answer unchanged')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<TargetOptions & { json?: true }>();
      const request = { action: 'status', ...(account !== undefined && { account }) };
      const answer = await invokeAdmin(findTarget(options), request);
      const { accounts } = answer;
      if (!Array.isArray(accounts)) {
        throw unexpectedAnswer();
      }
      for (const line of options.json ? [JSON.stringify(answer)] : accounts.flatMap(describeAccount)) {
        terminal.print(line);
      }
    });
}

function describeAccount(status: unknown): string[] {
  const { account, ...members } = { account: '', ...(typeof status === 'object' ? status : {}) };
  const lines = Object.entries(members).map(([name, value]) => `  ${name.padEnd(16)} ${format(value)}`);
  return [account, ...lines];
}

/** An object has two members, what happened and when: `upstream_timeout at 2026-11-24T12:00:00.000Z`. */
function format(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.values(value).join(' at ') : String(value);
}
