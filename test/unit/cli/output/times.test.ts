// Times as people read them.
import { expect, test } from 'vitest';
import { describeDistance, describeTime } from '../../../../cli/output/times.ts';

const [second, minute, hour] = [1000, 60_000, 3_600_000];

test.each([
  [0, 'in 0 s'],
  [99 * second, 'in 99 s'],
  [100 * second, 'in 2 min'],
  [99 * minute, 'in 99 min'],
  [100 * minute, 'in 2 h'],
  [47 * hour, 'in 47 h'],
  [49 * hour, 'in 2 d'],
  [-5 * second, '5 s ago'],
  [-90 * minute, '90 min ago'],
])('describeDistance of %d ms is %s', (ms, text) => {
  expect(describeDistance(1_000_000_000 + ms, 1_000_000_000)).toBe(text);
});

test('describeTime adds the distance to a time, and leaves every other text as it is', () => {
  const now = Date.parse('2026-11-24T12:00:00.000Z');

  expect(describeTime('2026-11-24T12:30:00.000Z', now)).toBe('2026-11-24T12:30:00.000Z (in 30 min)');
  expect(['1', 'main', '2026', 'false'].map((text) => describeTime(text, now))).toEqual(['1', 'main', '2026', 'false']);
});
