// Tests how an answer is read (cli/credentials/yes.ts).
import { expect, test } from 'vitest';
import { isYes } from '../../../../cli/credentials/yes.ts';

test.each(['y', 'Y', 'yes', ' y '])('isYes takes "%s" for a yes, whatever Enter means', (answer) => {
  expect([isYes(answer), isYes(answer, true)]).toEqual([true, true]);
});

test.each(['n', 'no', 'q', 'yeah?', 'quit', '\u0003'])('isYes takes "%s" for a no, whatever Enter means', (answer) => {
  expect([isYes(answer), isYes(answer, true)]).toEqual([false, false]);
});

test('isYes takes an empty answer for what the question shows in capitals', () => {
  expect([isYes(''), isYes(' ', true)]).toEqual([false, true]);
});
