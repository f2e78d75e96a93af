// Fails a test if the function or the local gateway has given an answer that docs/openapi.json does not know. Loaded by
// vitest.config.ts.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, expect } from 'vitest';
import { type SentAnswer, sentAnswers } from '../../../local/gateway/answer.ts';
import type { CheckAnswer } from './check-answer.ts';

/** More answers of one test are checked before its end, so that they do not fill the memory. */
const mostKept = 500;

const arrived: SentAnswer[] = [];
const faults = new Set<string>();
let loading: Promise<void> | undefined;
let check: CheckAnswer | undefined;

const keep = (message: unknown) => {
  arrived.push(message as SentAnswer);
  if (arrived.length >= mostKept) {
    void load();
    checkArrived();
  }
};
subscribe(sentAnswers.name, keep);

afterEach(checkAll);
// For answers in hooks. The next file may run in this process, and loads this module again.
afterAll(async () => {
  unsubscribe(sentAnswers.name, keep);
  await checkAll();
});

async function checkAll(): Promise<void> {
  if (arrived.length > 0) {
    await load();
    checkArrived();
  }
  const found = [...faults];
  faults.clear();
  expect(found, 'what docs/openapi.json does not know').toEqual([]);
}

/** Loads the check with the first answers that need it: most test files have none. */
function load(): Promise<void> {
  loading ??= import('./check-answer.ts').then(({ createCheckAnswer, openApi }) => {
    check = createCheckAnswer(openApi);
  });
  return loading;
}

function checkArrived(): void {
  for (const fault of check === undefined ? [] : arrived.splice(0).flatMap(check)) {
    faults.add(fault);
  }
}
