// The commands that give the broker one order for one account, such as pause and revoke. Called by program.ts.
import type { Command } from 'commander';
import { TokenBrokerError } from '../client/index.ts';
import { invokeAdmin, placeOf, unexpectedAnswer } from './admin.ts';
import { CommandError, exitCodes } from './failure.ts';
import { findTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

type Answer = Readonly<Record<string, unknown>>;

interface AccountCommand {
  /** The command's name, and the action that the broker's `admin` alias gets. */
  readonly action: string;
  readonly description: string;
  /** Returns what the command prints, one line each after the account, once it is done. */
  readonly done: (answer: Answer) => readonly string[];
  /** What the broker's `invalid_request` means, if the command can meet it. */
  readonly refused?: string;
}

const accountCommands: readonly AccountCommand[] = [
  {
    action: 'clear-rejection',
    description: 'let the broker log in again at once, after refused credentials or during a waiting time',
    done: () => ['free to log in again'],
  },
  {
    action: 'pause',
    description: 'start no login and hand out no token',
    done: () => ['paused'],
  },
  {
    action: 'resume',
    description: 'allow logins again after a pause',
    done: () => ['resumed'],
  },
  {
    action: 'purge',
    description: 'remove the token; within 60 s no environment hands it out',
    done: () => ['token removed; within 60 s no environment hands it out'],
  },
  {
    action: 'revoke',
    description: 'the same after a leak: also print which token it was, and how long Fegora itself accepts it',
    done: describeRevoked,
  },
  {
    action: 'reset',
    description: 'rewrite the item of an account that the broker cannot read (a fault in status)',
    done: () => ['item rewritten; no environment logs in for about 30 s'],
    refused: 'the item is readable: nothing to reset',
  },
];

/** Adds one command for each row of the table. */
export function addAccountCommands(program: Command, terminal: Terminal): void {
  for (const accountCommand of accountCommands) {
    program
      .command(accountCommand.action)
      .description(accountCommand.description)
      .argument('<account>', 'account id')
      .action(async (account: string, _options: object, command: Command) => {
        const { lines, place } = await run(accountCommand, account, command.optsWithGlobals<TargetOptions>());
        for (const line of lines) {
          terminal.print(`${account}: ${line}`);
        }
        terminal.note(place);
      });
  }
}

/** Returns what was done, and where. */
async function run({ action, done, refused }: AccountCommand, account: string, options: TargetOptions) {
  const target = findTarget(options);
  const answer = await invokeAdmin(target, { action, account }).catch((thrown) => {
    throw refused !== undefined && thrown instanceof TokenBrokerError && thrown.code === 'invalid_request'
      ? new CommandError(exitCodes.failed, `${account}: ${refused}`, { cause: thrown })
      : thrown;
  });
  if (answer.outcome !== 'done') {
    throw unexpectedAnswer();
  }
  return { lines: done(answer), place: await placeOf(target, answer) };
}

function describeRevoked({ token_sha256: fingerprint, expires_at: expiresAt }: Answer): string[] {
  const done = 'revoked; within 60 s no environment hands out a token from before';
  return fingerprint === undefined
    ? [done, 'the table had no token']
    : [done, `fingerprint ${fingerprint}`, `Fegora itself accepts this token until ${expiresAt}`];
}
