// Puts the commands together and runs one command line. Called by main.ts, and by the tests.
import { Command, Option } from 'commander';
import { addAccountCommands } from './account-commands.ts';
import { addCredentialsSet } from './credentials-set.ts';
import { addAllowed } from './endpoints.ts';
import { asCommandError } from './failure.ts';
import { prepare } from './prepare.ts';
import { addStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { addToken } from './token.ts';

const exitCodesHelp =
  '\nExit codes: 0 done, 1 refused, 2 wrong usage, 3 no AWS credentials, 4 not permitted, 5 not found, 6 try again later.';

/**
 * Runs one command line. A failure becomes one line on the terminal.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  for (const add of [addToken, addCredentialsSet, addStatus, addAccountCommands]) {
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

/** Returns the program with the options that every command has. */
function createProgram(terminal: Terminal): Command {
  return new Command('broker')
    .description('Call and operate a Fegora token broker, on AWS or on this machine.')
    .option('--endpoint <url>', 'stage URL of the API; a loopback URL means the local run')
    .option('--function-name <name>', 'name or ARN of the function, without an alias')
    .option('--outputs <file>', 'file that `cdk deploy --outputs-file` wrote (default: cdk-outputs.json)')
    .option('--stack <name>', 'stack in that file, if the file has more than one')
    .option('--region <region>', 'AWS region (default: from the profile or the environment)')
    .option('--profile <name>', 'AWS profile (default: AWS_PROFILE)')
    .addOption(
      new Option('--secrets-endpoint <url>', 'Secrets Manager of the local run').env(
        'AWS_ENDPOINT_URL_SECRETS_MANAGER',
      ),
    )
    .option('--allow-endpoint <origin>', 'send signed requests and passwords also to this https origin', addAllowed)
    .hook('preAction', (_program, command) => prepare(command.optsWithGlobals()))
    .addHelpText('after', exitCodesHelp)
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .exitOverride();
}
