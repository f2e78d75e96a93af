// Says by which command this program was started, so that help and errors name that one. Called by ../main.ts.

/** How people start the program. */
export interface ProgramName {
  /** What an example in a help text starts with: `npm run broker --`. */
  readonly command: string;
  /** What a line on standard error starts with: `broker`. */
  readonly name: string;
}

/**
 * Returns the command of the repository for a script in TypeScript, and the command of the package for its bundle.
 *
 * @param script path of the program's first file
 * @param npmCommand the variable `npm_command`, which is `exec` under npx
 */
export function programNameOf(script: string, npmCommand: string | undefined): ProgramName {
  if (script.endsWith('.ts')) {
    return { command: 'npm run broker --', name: 'broker' };
  }
  const name = 'fegora-broker';
  return { command: npmCommand === 'exec' ? `npx ${name}` : name, name };
}
