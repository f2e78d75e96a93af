import { Command, Option } from 'commander';
import { addClearRejection } from './clear-rejection.ts';
import { addCredentialsSet } from './credentials-set.ts';
import { asCommandError } from './failure.ts';
import { addPause } from './pause.ts';
import { addPurge } from './purge.ts';
import { addResume } from './resume.ts';
import { addStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { addToken } from './token.ts';

const exitCodes =
  '\nExit codes: 0 done, 1 refused, 2 wrong usage, 3 no AWS credentials, 4 not permitted, 5 not found, 6 try again later.';

/**
 * Runs one command line.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  for (const add of [addToken, addCredentialsSet, addStatus, addClearRejection, addPause, addResume, addPurge]) {
    add(program, terminal);
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    const { message, exitCode } = asCommandError(thrown);
    if (message !== '') {
      terminal.note(`broker: ${message}`);
    }
    return exitCode;
  }
}

/** What every command takes. */
function createProgram(terminal: Terminal): Command {
  return new Command('broker')
    .description('Calls and operates a Fegora token broker, on AWS or on this machine.')
    .option('--endpoint <url>', 'stage URL of the API; on loopback, the local run')
    .option('--function-name <name>', 'name or ARN of the function, without an alias')
    .option('--outputs <file>', 'what `cdk deploy --outputs-file` wrote (default: cdk-outputs.json)')
    .option('--stack <name>', 'the stack in it, where it holds more than one')
    .option('--region <region>', 'AWS region (default: that of the profile or the environment)')
    .option('--profile <name>', 'AWS profile (default: AWS_PROFILE)')
    .addOption(
      new Option('--secrets-endpoint <url>', 'Secrets Manager of the local run').env(
        'AWS_ENDPOINT_URL_SECRETS_MANAGER',
      ),
    )
    .addHelpText('after', exitCodes)
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .exitOverride();
}
