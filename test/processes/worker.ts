import { setTimeout } from 'node:timers/promises';
import { handler } from '../../lambda/handler.ts';
import { lambdaContext } from '../support/events/events.ts';
import type { Order, Reply } from './process.ts';

/**
 * An execution environment as a process of its own: the handler that is deployed, over its own environment variables.
 * Takes orders from its parent and says how they ended.
 */
process.on('message', (order: Order) => {
  void answer(order).then((reply) => process.send?.(reply));
});

process.send?.('loaded');

async function answer({ id, account, at }: Order): Promise<Reply> {
  await setTimeout(Math.max(0, at - Date.now()));
  const began = performance.now();
  const endsAt = began + 25_000;
  const context = lambdaContext(`account-${account}`, () => Math.floor(endsAt - performance.now()));
  try {
    const { source, token_sha256: fingerprint }: { source: string; token_sha256: string } = Object(
      await handler({}, context),
    );
    return { id, tookMs: performance.now() - began, source, fingerprint };
  } catch (thrown) {
    return { id, tookMs: performance.now() - began, error: thrown instanceof Error ? thrown.name : String(thrown) };
  }
}
