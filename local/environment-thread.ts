// Runs the deployed handler in a worker thread. Started by environment.ts.
import { parentPort } from 'node:worker_threads';
import { handler } from '../lambda/handler.ts';
import { type EnvironmentCall, type EnvironmentResult, loadedId } from './environment.ts';
import { contextOf } from './gateway/function.ts';

parentPort?.on('message', (call: EnvironmentCall) => {
  void answer(call).then((result) => parentPort?.postMessage(result));
});
parentPort?.postMessage({ id: loadedId } satisfies EnvironmentResult);

async function answer({ id, event, ...invocation }: EnvironmentCall): Promise<EnvironmentResult> {
  try {
    return { id, result: await handler(event, contextOf(invocation)) };
  } catch (thrown) {
    const { name, message, stack = '' } = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { id, error: { name, message, stack } };
  }
}
