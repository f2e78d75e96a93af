// Fails a test if the function or the local gateway has given an answer that docs/openapi.json does not know. Loaded by
// vitest.config.ts.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, expect } from 'vitest';
import { type SentAnswer, sentAnswers } from '../../../local/gateway/answer.ts';

const arrived: SentAnswer[] = [];
const keep = (message: unknown) => arrived.push(message as SentAnswer);
subscribe(sentAnswers.name, keep);

afterEach(checkAll);
// For answers in hooks. The next file may run in this process, and loads this module again.
afterAll(async () => {
  unsubscribe(sentAnswers.name, keep);
  await checkAll();
});

async function checkAll(): Promise<void> {
  if (arrived.length > 0) {
    const { createCheckAnswer, openApi } = await import('./check-answer.ts');
    const faults = arrived.splice(0).flatMap(createCheckAnswer(openApi));
    expect([...new Set(faults)], 'what docs/openapi.json does not know').toEqual([]);
  }
}
