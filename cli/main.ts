// The program, run by `npm run broker` here and by `fegora-broker` in the package: runs one command line and exits.
import { environment } from './environment.ts';
import { asCommandError, exitCodes, interrupted } from './failure.ts';
import { programNameOf } from './output/program-name.ts';
import { runCommand } from './program.ts';
import { terminalOf } from './terminal.ts';

const started = programNameOf(import.meta.url, environment.npm_command);
const terminal = terminalOf(process);
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // EPIPE: the reader has closed it, as `head` does. The command goes on, and its exit code tells the result.
    if (code !== 'EPIPE') {
      if (stream === process.stdout) {
        terminal.note(`${started.name}: ${message}`);
      }
      process.exit(exitCodes.failed);
    }
  });
}
// The SDK asks for several things at once: one may fail while the command waits for another.
process.on('unhandledRejection', (thrown) => {
  const { message, exitCode } = asCommandError(thrown);
  terminal.note(`${started.name}: ${message}`);
  process.exit(exitCode);
});
process.exitCode = await runCommand(process.argv.slice(2), terminal, started);
terminal.close();
if (process.exitCode === interrupted().exitCode) {
  // A request may be under way, and would keep the process alive.
  process.stdout.write('', () => process.exit());
}
