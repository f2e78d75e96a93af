import { exitCodes } from './failure.ts';
import { runCommand } from './program.ts';
import { terminalOf } from './terminal.ts';

const terminal = terminalOf(process);
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // Whoever reads may leave, as `head` does: the command goes on, and its exit code says how that went.
  if (code !== 'EPIPE') {
    terminal.note(`broker: ${message}`);
    process.exit(exitCodes.failed);
  }
});
process.exitCode = await runCommand(process.argv.slice(2), terminal);
terminal.close();
