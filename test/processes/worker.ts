// The program of one process: the deployed handler, called by messages. Started by process.ts.
import { setTimeout } from 'node:timers/promises';
import { handler } from '../../lambda/handler.ts';
import { lambdaContext } from '../support/events/events.ts';
import type { CallMessage, Reply } from './process.ts';

process.on('message', (call: CallMessage) => {
  void answer(call).then((reply) => process.send?.(reply));
});

process.send?.('loaded');

async function answer({ id, account, at }: CallMessage): Promise<Reply> {
  await setTimeout(Math.max(0, at - Date.now()));
  const startedAt = performance.now();
  const endsAt = startedAt + 25_000;
  const context = lambdaContext(`account-${account}`, () => Math.floor(endsAt - performance.now()));
  try {
    const { source, token_sha256: fingerprint }: { source: string; token_sha256: string } = Object(
      await handler({}, context),
    );
    return { id, tookMs: performance.now() - startedAt, source, fingerprint };
  } catch (thrown) {
    return { id, tookMs: performance.now() - startedAt, error: thrown instanceof Error ? thrown.name : String(thrown) };
  }
}
