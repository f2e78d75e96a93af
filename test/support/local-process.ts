// Starts `npm start` as a process. Used by the tests in scenario/local/.
import { type ChildProcess, spawn } from 'node:child_process';

/** A running `npm start`. */
export interface LocalProcess {
  readonly child: ChildProcess;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Resolves with the exit code, or with the name of the signal. */
  readonly exit: Promise<number | string | null>;
  /** Resolves when standard output has the text. */
  readonly says: (text: string | RegExp) => Promise<void>;
  /** Resolves when standard error has the text. */
  readonly logs: (text: string | RegExp) => Promise<void>;
  readonly kill: () => void;
}

/** Starts the process of `npm start` without npm. `cwd` is the repository or a copy of it. */
export function startLocalProcess(
  args: readonly string[],
  { env = {}, cwd }: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): LocalProcess {
  const child = spawn(process.execPath, ['local/start.ts', ...args], { cwd, env: { PATH: process.env.PATH, ...env } });
  let [stdout, stderr] = ['', ''];
  const exit = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const output = () => ({ stdout, stderr });
  const hears = (stream: 'stdout' | 'stderr') => (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const has = (printed: string) => (typeof text === 'string' ? printed.includes(text) : text.test(printed));
      const look = () => has(output()[stream]) && resolve();
      child[stream].on('data', look);
      void exit.then((code) => reject(new Error(`ended with ${code} before it said ${text}: ${stderr}`)));
      look();
    });
  const [says, logs] = [hears('stdout'), hears('stderr')];
  return { child, output, exit, says, logs, kill: () => child.kill('SIGKILL') };
}

/** The value beside a name in what `npm start` prints. */
export function valueIn(stdout: string, name: string): string | undefined {
  return new RegExp(`^ +${name} +(.*)$`, 'm').exec(stdout)?.[1];
}
