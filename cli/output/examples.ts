// Adds examples to the help of a command. Called by the files that add commands.
import type { Command } from 'commander';

/** What an example does, and what is typed after the name of the program. */
export type Example = readonly [does: string, line: string];

/** Adds the examples below the help of `command`. They start with the command by which the program was started. */
export function addExamples(command: Command, program: Command, examples: readonly Example[]): void {
  // npm prints what it runs, and a pipe would get that too.
  const silent = program.name().replace('npm run ', 'npm run --silent ');
  const lines = examples.flatMap(([does, line]) => [
    `  # ${does}`,
    `  ${line.includes('|') ? silent : program.name()} ${line}`,
  ]);
  command.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
}
