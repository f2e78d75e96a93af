// The program `broker`, run by `npm run broker`: runs one command line and sets the exit code.
import { exitCodes } from './failure.ts';
import { runCommand } from './program.ts';
import { terminalOf } from './terminal.ts';

const terminal = terminalOf(process);
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // EPIPE: the reader of the output has closed it, as `head` does. The command goes on, and its exit code tells the result.
  if (code !== 'EPIPE') {
    terminal.note(`broker: ${message}`);
    process.exit(exitCodes.failed);
  }
});
process.exitCode = await runCommand(process.argv.slice(2), terminal);
terminal.close();
