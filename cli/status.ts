import type { Command } from 'commander';
import { notTheBroker, order } from './admin.ts';
import { findTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

/** What the broker knows of its accounts. Never a token. */
export function addStatus(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('show expiry, last login, last error, waiting times and refused credentials of each account')
    .argument('[account]', 'account id (default: all)')
    .option('--json', 'print the broker’s answer as it is')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<TargetOptions & { json?: true }>();
      const answer = await order(findTarget(options), { action: 'status', ...(account !== undefined && { account }) });
      const { accounts } = answer;
      if (!Array.isArray(accounts)) {
        throw notTheBroker();
      }
      for (const line of options.json ? [JSON.stringify(answer)] : accounts.flatMap(describeAccount)) {
        terminal.print(line);
      }
    });
}

function describeAccount(status: unknown): string[] {
  const { account, ...members } = { account: '', ...(typeof status === 'object' ? status : {}) };
  const lines = Object.entries(members).map(([name, value]) => `  ${name.padEnd(12)} ${shown(value)}`);
  return [account, ...lines];
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.values(value).join(' at ') : String(value);
}
