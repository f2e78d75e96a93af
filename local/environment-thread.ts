import { parentPort } from 'node:worker_threads';
import { handler } from '../lambda/handler.ts';
import type { EnvironmentCall, EnvironmentResult } from './environment.ts';
import { contextOf } from './gateway/function.ts';

/** The thread that `environment.ts` starts. */
parentPort?.on('message', (call: EnvironmentCall) => {
  void answer(call).then((outcome) => parentPort?.postMessage(outcome));
});

async function answer({ id, event, ...invocation }: EnvironmentCall): Promise<EnvironmentResult> {
  try {
    return { id, result: await handler(event, contextOf(invocation)) };
  } catch (thrown) {
    const { name, message, stack = '' } = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { id, error: { name, message, stack } };
  }
}
