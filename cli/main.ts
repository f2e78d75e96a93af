import { runCommand } from './program.ts';
import { terminalOf } from './terminal.ts';

const terminal = terminalOf(process);
process.exitCode = await runCommand(process.argv.slice(2), terminal);
terminal.close();
