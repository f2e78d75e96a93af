// Puts the commands together and runs one command line. Called by main.ts and the tests; test/unit/docs/ parses commands with it.
import { Command, Option } from 'commander';
import { addAccountCommands } from './account-commands.ts';
import { addAccounts } from './accounts/accounts.ts';
import { addAllowed } from './aws/endpoints.ts';
import { mfaCodeFrom } from './aws/mfa.ts';
import { addCredentialsSet } from './credentials/credentials-set.ts';
import { addDoctor } from './doctor/doctor.ts';
import { environment } from './environment.ts';
import { asCommandError } from './failure.ts';
import { refuseTaken } from './npm.ts';
import { addExamples } from './output/examples.ts';
import { formatOf, formats, type Output, outputOf } from './output/output.ts';
import type { ProgramName } from './output/program-name.ts';
import { prepare, refuseEmpty } from './prepare.ts';
import { addStatus } from './status/status.ts';
import { secretsVariable } from './target.ts';
import type { Terminal } from './terminal.ts';
import { addToken } from './token.ts';
import { version } from './version.ts';

const help = `
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no AWS credentials, 4 not permitted, 5 not found, 6 try again later.
With --output json, standard output has one JSON document with what the command did, and nothing if it did nothing.
Each line of standard error is a JSON object: notes, and at the end the failure. --help and --version print text.`;

/**
 * Runs one command line. A failure becomes one line on the terminal.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
  { command, name }: ProgramName = { command: 'npm run broker --', name: 'broker' },
): Promise<number> {
  const output = outputOf(terminal, formatOf(args), name);
  const program = createProgram(command, terminal, output);
  try {
    program.setOptionValue('mfaCode', mfaCodeFrom(output));
    refuseTaken(program, args, environment);
    await Promise.race([program.parseAsync(args, { from: 'user' }), terminal.interrupted ?? new Promise(() => {})]);
    output.end();
    return 0;
  } catch (thrown) {
    const failure = asCommandError(thrown);
    output.end(failure);
    return failure.exitCode;
  }
}

/** Returns the program with all commands, and with the options that every command has. */
export function createProgram(name: string, terminal: Terminal, output: Output): Command {
  const program = new Command(name)
    .description('Call and operate a Fegora token broker, on AWS or on this machine.')
    .version(version, '--version', 'print the version of the package')
    .option('--endpoint <url>', 'stage URL of the API; a loopback URL means the local run')
    .option('--function-name <name>', 'name or ARN of the function, without an alias')
    .option('--outputs <file>', 'file that `cdk deploy --outputs-file` wrote (default: cdk-outputs.json)')
    .option('--stack <name>', 'stack in that file, if the file has more than one')
    .option('--region <region>', 'AWS region (default: from the profile or the environment)')
    .option('--profile <name>', 'AWS profile (default: AWS_PROFILE)')
    .option('--secrets-endpoint <url>', `Secrets Manager of the local run (default: ${secretsVariable})`)
    .option('--allow-endpoint <origin>', 'send signed requests and passwords also to this https origin', addAllowed)
    .addOption(new Option('--output <format>', 'how results and failures are printed').choices(formats).default('text'))
    .hook('preAction', async (_program, command) => {
      refuseEmpty(command);
      await prepare(command.optsWithGlobals());
      output.waitFor('waiting for AWS');
    })
    .addHelpText('after', help)
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => output.style('bold', title) })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => (output.format === 'json' ? undefined : terminal.note(text.trimEnd())),
      getOutHasColors: () => terminal.screen?.hasColours ?? false,
      // The failure is printed by `end`.
      outputError: () => {},
    })
    .exitOverride();
  addExamples(program, program, [
    ['set the Fegora credentials of an account, and try them', 'credentials set main'],
    ['find out what is wrong', 'doctor'],
    ['get a token', 'token main'],
    ['see what the broker knows, from the outputs of the stack', '--outputs cdk-outputs.json status'],
  ]);
  for (const add of [addToken, addCredentialsSet, addAccounts, addStatus, addDoctor, addAccountCommands]) {
    add(program, output);
  }
  return program;
}
