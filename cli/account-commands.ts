// The commands that give the broker one order for one account, such as pause and revoke. Called by program.ts.
import type { Command } from 'commander';
import { TokenBrokerError } from '../client/index.ts';
import { invokeAdmin, placeOf, unexpectedAnswer } from './aws/admin.ts';
import { CommandError, exitCodes } from './failure.ts';
import { addExamples } from './output/examples.ts';
import type { Output } from './output/output.ts';
import { findTarget, type Target, type TargetOptions } from './target.ts';

type Answer = Readonly<Record<string, unknown>>;

interface AccountCommand {
  /** The command's name, and the action that the broker's `admin` alias gets. */
  readonly action: string;
  readonly description: string;
  /** What the example in the help does. */
  readonly example: string;
  /** Returns what the command prints, one line each after the account, once it is done. */
  readonly done: (answer: Answer) => readonly string[];
  /** What the broker's `invalid_request` means, if the command can meet it. */
  readonly refused?: string;
}

const accountCommands: readonly AccountCommand[] = [
  {
    action: 'clear-rejection',
    description: 'let the broker log in again at once, after refused credentials or during a waiting time',
    example: 'Fegora has unlocked the user: try its password now',
    done: () => ['free to log in again'],
  },
  {
    action: 'pause',
    description: 'start no login and hand out no token',
    example: 'keep the Fegora user still while a person uses it',
    done: () => ['paused'],
  },
  {
    action: 'resume',
    description: 'allow logins again after a pause',
    example: 'end the pause',
    done: () => ['resumed'],
  },
  {
    action: 'purge',
    description: 'remove the token; within 60 s no environment hands it out',
    example: 'let the next caller get a token of a new login',
    done: () => ['token removed; within 60 s no environment hands it out'],
  },
  {
    action: 'revoke',
    description: 'the same after a leak: also print which token it was, and how long Fegora itself accepts it',
    example: 'a token was in a log that others read',
    done: describeRevoked,
  },
  {
    action: 'reset',
    description: 'rewrite the item of an account that the broker cannot read (a fault in status)',
    example: 'status shows a fault of this account',
    done: () => ['item rewritten; no environment logs in for about 30 s'],
    refused: 'the item is readable: nothing to reset',
  },
];

/** Adds one command for each row of the table. */
export function addAccountCommands(program: Command, output: Output): void {
  for (const accountCommand of accountCommands) {
    const added = program
      .command(accountCommand.action)
      .description(accountCommand.description)
      .argument('<account>', 'account id')
      .action(async (account: string, _options: object, command: Command) => {
        const target = findTarget(command.optsWithGlobals<TargetOptions>(), output.note);
        output.onInterrupt(`it is not known whether the broker has done it; see \`status ${account}\``);
        const answer = await run(accountCommand, account, target);
        output.show(
          answer,
          accountCommand.done(answer).map((line) => `${account}: ${line}`),
        );
        output.note(await placeOf(target, answer));
      });
    addExamples(added, program, [[accountCommand.example, `${accountCommand.action} main`]]);
  }
}

async function run({ action, refused }: AccountCommand, account: string, target: Target): Promise<Answer> {
  const answer = await invokeAdmin(target, { action, account }).catch((thrown) => {
    throw refused !== undefined && thrown instanceof TokenBrokerError && thrown.code === 'invalid_request'
      ? new CommandError(exitCodes.failed, `${account}: ${refused}`, { cause: thrown })
      : thrown;
  });
  if (answer.outcome !== 'done') {
    throw unexpectedAnswer();
  }
  return answer;
}

function describeRevoked({ token_sha256: fingerprint, expires_at: expiresAt }: Answer): string[] {
  const done = 'revoked; within 60 s no environment hands out a token from before';
  return fingerprint === undefined
    ? [done, 'the table had no token']
    : [done, `token_sha256 ${fingerprint}`, `Fegora itself accepts this token until ${expiresAt}`];
}
