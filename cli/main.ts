// The program, run by `npm run broker` here and by `fegora-broker` in the package: runs one command line and exits.
import { format } from 'node:util';
import { environment } from './environment.ts';
import { asCommandError, CommandError, exitCodes, interrupted } from './failure.ts';
import { errorLines, formatOf } from './output/output.ts';
import { programNameOf } from './output/program-name.ts';
import { runCommand } from './program.ts';
import { terminalOf } from './terminal.ts';

const args = process.argv.slice(2);
const started = programNameOf(import.meta.url, environment.npm_command);
const terminal = terminalOf(process);
const lines = errorLines(formatOf(args), started.name);

const note = (text: string) => terminal.note(lines.note(text));

/** Ends the process with one line. */
function fail(thrown: unknown): never {
  const failure = asCommandError(thrown);
  terminal.note(lines.failure(failure));
  process.exit(failure.exitCode);
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // EPIPE: the reader has closed it, as `head` does. The command goes on, and its exit code tells the result.
    if (code !== 'EPIPE') {
      if (stream === process.stdout) {
        fail(new CommandError(exitCodes.failed, message));
      }
      process.exit(exitCodes.failed);
    }
  });
}
// The SDK asks for several things at once: one may fail while the command waits for another.
process.on('unhandledRejection', fail).on('uncaughtException', fail);
// Node's own listener writes lines that are not JSON. There is none if NODE_NO_WARNINGS or an option turns warnings off.
if (process.listenerCount('warning') > 0) {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => note(`${name}: ${message}`));
}
// The SDK warns on the console.
for (const method of ['log', 'warn', 'error'] as const) {
  console[method] = (...parts) => note(format(...parts).trim());
}
process.exitCode = await runCommand(args, terminal, started);
terminal.close();
if (process.exitCode === interrupted().exitCode) {
  // A request may be under way, and would keep the process alive.
  process.stdout.write('', () => process.exit());
}
