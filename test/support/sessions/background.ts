// A command of a page that runs until it is stopped. Used by the tests of pages.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A running command. */
export interface BackgroundCommand {
  /** What it has printed so far. */
  readonly output: () => string;
  /** Resolves when it has printed this. */
  readonly says: (text: string | RegExp) => Promise<void>;
  /** Ends it, as Ctrl-C does. */
  readonly interrupt: () => Promise<void>;
}

/** Starts a line of a shell in a group of processes of its own: npm starts others. */
export function startInBackground(command: string, cwd: string, env: Readonly<Record<string, string>>) {
  const child = spawn('bash', ['-c', `exec ${command}`], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  const says = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => new RegExp(text).test(printed) && resolve();
      child.stdout.on('data', look);
      void ended.then(() => reject(new Error(`${command} ended before it said ${text}:\n${printed}`)));
      look();
    });
  const interrupt = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      process.kill(-child.pid, 'SIGINT');
    }
    await ended;
  };
  return { output: () => printed, says, interrupt } satisfies BackgroundCommand;
}
