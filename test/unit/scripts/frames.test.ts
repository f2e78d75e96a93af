import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFrames } from '../../../scripts/frames.ts';

const root = join(import.meta.dirname, '../../..');

test('readFrames lists our frames of a cold login, which are at most 12 in 8 files', async () => {
  const frames = await readFrames(root);
  const files = new Set(frames.map(({ file }) => file));
  expect(frames[0]?.file).toMatch(/^lambda\/fegora\//);
  expect(frames.at(-1)?.file).toMatch(/^lambda\/events\//);
  expect([...files].some((file) => file.startsWith('lambda/broker/'))).toBe(true);
  expect(frames.length).toBeLessThanOrEqual(12);
  expect(files.size).toBeLessThanOrEqual(8);
});
