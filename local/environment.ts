// Runs the deployed handler as one execution environment. Called by local-run.ts.
import { Worker } from 'node:worker_threads';
import type { Environment } from '../lambda/config.ts';
import type { Handler } from './gateway/function.ts';

/** A call that is sent to the thread. */
export interface EnvironmentCall {
  readonly id: number;
  readonly event: unknown;
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  readonly remainingMs: number;
}

/** What the thread sends back: the handler's result, or its error. */
export interface EnvironmentResult {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string };
}

/** The id of the result that the thread sends when it has loaded the handler. Calls have ids from 1. */
export const loadedId = 0;

/** The deployed handler in its own thread. */
export interface ExecutionEnvironment {
  /** Resolves when the thread has loaded the handler, or when it has ended before: then with the reason. */
  readonly loaded: Promise<string | undefined>;
  readonly handler: Handler;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the deployed handler in a thread with its own environment variables. The output of the thread is the log. As
 * in Lambda, the environment stays alive between calls; other than in Lambda, it takes many calls at a time.
 *
 * A call rejects with `Runtime.ExitError` if the thread has ended.
 *
 * @param onLog is called with each line of the log
 */
export function startEnvironment(env: Environment, onLog: (line: string) => void): ExecutionEnvironment {
  const worker = new Worker(new URL('./environment-thread.ts', import.meta.url), { env, stdout: true, stderr: true });
  const waiting = new Map<number, (result: EnvironmentResult) => void>();
  const { promise: loaded, resolve: setLoaded } = Promise.withResolvers<string | undefined>();
  waiting.set(loadedId, ({ error }) => setLoaded(error?.message));
  let calls = 0;
  let exitError: EnvironmentResult['error'];
  for (const stream of [worker.stdout, worker.stderr]) {
    pipeLines(stream, onLog);
  }
  worker.on('message', (result: EnvironmentResult) => waiting.get(result.id)?.(result));
  worker.on('error', (error) => die(error.message, error.stack));
  worker.on('exit', (code) => die(`the function's thread ended with ${code}`));

  return {
    loaded,
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
      exitError = { name: 'Runtime.ExitError', message: 'the function was stopped', stack: '' };
      await worker.terminate();
    },
  };

  /** Fails the calls that wait, and all later calls. Writes the reason to the log. */
  function die(message: string, why = message): void {
    if (exitError === undefined) {
      exitError = { name: 'Runtime.ExitError', message, stack: '' };
      for (const line of why.split('\n')) {
        onLog(line);
      }
    }
    for (const [id, settle] of waiting) {
      settle({ id, error: exitError });
    }
  }

  async function send(call: EnvironmentCall): Promise<EnvironmentResult> {
    if (exitError !== undefined) {
      return { id: call.id, error: exitError };
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
