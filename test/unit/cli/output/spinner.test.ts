// The line that moves while a command works.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSpinner } from '../../../../cli/output/spinner.ts';

let drawn: string[];
const draw = (text: string) => void drawn.push(text);

beforeEach(() => {
  drawn = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('draws nothing when the work takes less than a second', () => {
  const spinner = createSpinner(draw);
  spinner.start('waiting for AWS');
  vi.advanceTimersByTime(999);
  spinner.stop();
  vi.advanceTimersByTime(5000);

  expect(drawn).toEqual([]);
});

test('draws the label and the seconds after one second, and takes the line away at the end', () => {
  const spinner = createSpinner(draw);
  spinner.start('waiting for AWS');
  vi.advanceTimersByTime(2200);
  spinner.stop();
  vi.advanceTimersByTime(5000);

  expect(drawn[0]).toBe('\r\x1b[K| waiting for AWS … 1 s');
  expect(drawn.some((text) => text.endsWith('… 2 s'))).toBe(true);
  expect(drawn.at(-1)).toBe('\r\x1b[K');
});

test('draws nothing when there is no terminal', () => {
  const spinner = createSpinner(undefined);
  spinner.start('waiting for AWS');

  expect(vi.getTimerCount()).toBe(0);
});
