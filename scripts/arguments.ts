// Reads the options of the commands that only developers run. Called by bench/main.ts, test/fleet/main.ts, test/processes/stampede.ts and structure.ts.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Returns the values of the options. Prints the usage and ends the process if `--help` or an option that it does not know is given. */
export function optionsOf<const T extends ParseArgsOptionsConfig>(usage: string, options: T) {
  try {
    const parse = () => parseArgs({ options, strict: true });
    const isAsked = process.argv.includes('--help');
    return isAsked ? end(process.stdout, usage, 0) : parse().values;
  } catch (error) {
    return end(process.stderr, `${error instanceof Error ? error.message : error}\n\n${usage}`, 2);
  }
}

function end(stream: NodeJS.WriteStream, text: string, exitCode: number): never {
  stream.write(text);
  process.exit(exitCode);
}
