import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../lambda/config.ts';

/** One call that a process is to make of its handler. */
export interface Order {
  readonly id: number;
  readonly account: string;
  /** Epoch milliseconds; all processes of this machine share its clock. */
  readonly at: number;
}

/** How it ended: with a token, or with an error. */
export interface Reply {
  readonly id: number;
  readonly tookMs: number;
  readonly source?: string;
  readonly fingerprint?: string;
  readonly error?: string;
}

/** An execution environment in a process of its own. */
export interface Process {
  /** Asks for a token, at once or at a moment to come. Stays open where the process is killed. */
  readonly ask: (account: string, at?: number) => Promise<Reply>;
  readonly signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void;
  /** How often a line of its log had this message. */
  readonly logged: (message: string) => number;
  readonly exited: Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** A little behind the servers in the queue for a processor: those stand for machines of their own. */
const niceness = 4;

const program = fileURLToPath(new URL('worker.ts', import.meta.url));

/**
 * Starts processes, two at a time, and resolves once each has made a login of its own: what is to be measured or
 * interrupted afterwards is the protocol, and not the loading and compiling of code on two cores.
 *
 * @param rehearsals an account for each process
 */
export async function startProcesses(env: Environment, rehearsals: readonly string[]): Promise<Process[]> {
  const started: Process[] = [];
  const accounts = rehearsals.values();
  const lane = async (): Promise<void> => {
    for (const account of accounts) {
      const one = await startProcess(env);
      started.push(one);
      const { error } = await one.ask(account);
      if (error !== undefined) {
        throw new Error(`a process could not rehearse: ${error}`);
      }
    }
  };
  await Promise.all([lane(), lane()]);
  return started;
}

/** Starts a process and resolves once it is loaded. */
export async function startProcess(env: Environment): Promise<Process> {
  const child = fork(program, { env: { ...env }, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const waiting = new Map<number, (reply: Reply) => void>();
  let log = '';
  let orders = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
  }
  setPriority(child.pid ?? 0, niceness);
  const exited = once(child, 'exit');
  const [greeting] = await Promise.race([once(child, 'message'), exited]);
  if (greeting !== 'loaded') {
    throw new Error(`a process ended before it was loaded: ${log}`);
  }
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply));

  return {
    exited,
    ask: (account, at = Date.now()) => {
      orders += 1;
      const order: Order = { id: orders, account, at };
      return new Promise((resolve) => {
        waiting.set(order.id, resolve);
        child.send(order);
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
