// A shell that runs the commands of a page one after the other, as a reader does. Used by the tests of pages.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A shell that keeps its folder and its variables from one command to the next. */
export interface Shell {
  /** @returns what the command has printed, on both outputs */
  readonly run: (command: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Printed after each command. No command prints it. */
const separator = '\u001e';

/** Opens the shell. It has only the given variables. */
export function openShell(cwd: string, env: Readonly<Record<string, string>>): Shell {
  const child = spawn('bash', ['--noprofile', '--norc'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let printed = '';
  let look = () => {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
    look();
  });
  child.stdin.write('exec 2>&1\n');

  async function run(command: string): Promise<string> {
    printed = '';
    const done = new Promise<void>((resolve, reject) => {
      look = () => printed.includes(separator) && resolve();
      void ended.then(() => reject(new Error(`the shell ended at: ${command}\n${printed}`)));
    });
    // A command may read its input, and the rest of the commands is not for it.
    child.stdin.write(`{ ${command}\n} < /dev/null; printf '\\036'\n`);
    await done;
    return printed.replace(separator, '');
  }

  async function close(): Promise<void> {
    child.stdin.end();
    await ended;
  }

  return { run, close };
}
