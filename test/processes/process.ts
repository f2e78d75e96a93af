// Starts execution environments as real processes and talks to them. Used by stampede.ts and takeover.ts.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../lambda/config.ts';

/** Tells a process to call its handler once. */
export interface CallMessage {
  readonly id: number;
  readonly account: string;
  /** When to make the call. Epoch milliseconds: all processes share the machine's clock. */
  readonly at: number;
}

/** The end of a call: a token or an error. */
export interface Reply {
  readonly id: number;
  readonly tookMs: number;
  readonly source?: string;
  readonly fingerprint?: string;
  /** Name of the error. */
  readonly error?: string;
}

/** An execution environment in its own process. */
export interface Process {
  /** Asks for a token, now or at a later time (epoch milliseconds). Never resolves if the process is killed. */
  readonly ask: (account: string, at?: number) => Promise<Reply>;
  readonly signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void;
  /** Counts the log lines with this message. */
  readonly logged: (message: string) => number;
  readonly exited: Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** A lower priority than the servers have, because in reality the servers run on other machines. */
const niceness = 4;

const program = fileURLToPath(new URL('worker.ts', import.meta.url));

/**
 * Starts one process for each account, two at a time. Resolves when each process has made a login for its account, so
 * that tests measure the protocol and not the loading and compiling of code.
 *
 * @throws Error if a login fails
 */
export async function startProcesses(env: Environment, warmUpAccounts: readonly string[]): Promise<Process[]> {
  const started: Process[] = [];
  const accounts = warmUpAccounts.values();
  const startRemaining = async (): Promise<void> => {
    for (const account of accounts) {
      const one = await startProcess(env);
      started.push(one);
      const { error } = await one.ask(account);
      if (error !== undefined) {
        throw new Error(`the first login of a process failed: ${error}`);
      }
    }
  };
  await Promise.all([startRemaining(), startRemaining()]);
  return started;
}

/**
 * Starts a process and resolves when its code is loaded.
 *
 * @throws Error with the log if the process ends before that
 */
export async function startProcess(env: Environment): Promise<Process> {
  const child = fork(program, { env: { ...env }, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const waiting = new Map<number, (reply: Reply) => void>();
  let log = '';
  let calls = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
  }
  setPriority(child.pid ?? 0, niceness);
  const exited = once(child, 'exit');
  const [firstMessage] = await Promise.race([once(child, 'message'), exited]);
  if (firstMessage !== 'loaded') {
    throw new Error(`a process ended before it was loaded: ${log}`);
  }
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply));

  return {
    exited,
    ask: (account, at = Date.now()) => {
      calls += 1;
      const call: CallMessage = { id: calls, account, at };
      return new Promise((resolve) => {
        waiting.set(call.id, resolve);
        child.send(call);
      });
    },
    signal: (name) => {
      child.kill(name);
    },
    logged: (message) => log.split(`"message":"${message}"`).length - 1,
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
