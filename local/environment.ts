import { Worker } from 'node:worker_threads';
import type { Environment } from '../lambda/config.ts';
import type { Handler } from './gateway/function.ts';

/** A call on its way to the execution environment. */
export interface EnvironmentCall {
  readonly id: number;
  readonly event: unknown;
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  readonly remainingMs: number;
}

/** What came of it. */
export interface EnvironmentResult {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string };
}

/** The deployed handler in an environment of its own. */
export interface ExecutionEnvironment {
  readonly handler: Handler;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the function as Lambda does: the handler that is deployed, in a thread with its own environment variables,
 * whose output is its log. It outlives its calls and takes many at a time.
 *
 * @param onLog gets the log line by line
 */
export function startEnvironment(env: Environment, onLog: (line: string) => void): ExecutionEnvironment {
  const worker = new Worker(new URL('./environment-thread.ts', import.meta.url), { env, stdout: true, stderr: true });
  const waiting = new Map<number, (outcome: EnvironmentResult) => void>();
  let calls = 0;
  let death: EnvironmentResult['error'];
  for (const stream of [worker.stdout, worker.stderr]) {
    pipeLines(stream, onLog);
  }
  worker.on('message', (outcome: EnvironmentResult) => waiting.get(outcome.id)?.(outcome));
  worker.on('error', (error) => die(error.message, error.stack));
  worker.on('exit', (code) => die(`the function's thread ended with ${code}`));

  return {
    handler: async (event, { invokedFunctionArn, awsRequestId, getRemainingTimeInMillis }) => {
      calls += 1;
      const call = { id: calls, event, invokedFunctionArn, awsRequestId, remainingMs: getRemainingTimeInMillis() };
      const { result, error } = await send(call);
      if (error !== undefined) {
        throw Object.assign(new Error(error.message), error);
      }
      return result;
    },
    stop: async () => {
      death = { name: 'Runtime.ExitError', message: 'the function was stopped', stack: '' };
      await worker.terminate();
    },
  };

  /** Whoever waits is told, and whoever comes later; the log is told why. */
  function die(message: string, why = message): void {
    if (death === undefined) {
      death = { name: 'Runtime.ExitError', message, stack: '' };
      for (const line of why.split('\n')) {
        onLog(line);
      }
    }
    for (const [id, settle] of waiting) {
      settle({ id, error: death });
    }
  }

  async function send(call: EnvironmentCall): Promise<EnvironmentResult> {
    if (death !== undefined) {
      return { id: call.id, error: death };
    }
    const { promise, resolve } = Promise.withResolvers<EnvironmentResult>();
    waiting.set(call.id, resolve);
    worker.postMessage(call);
    try {
      return await promise;
    } finally {
      waiting.delete(call.id);
    }
  }
}

function pipeLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      onLine(line);
    }
  });
}
