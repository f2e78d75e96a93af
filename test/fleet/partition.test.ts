// Tests what one request costs a partition of the fleet's table (partition.ts).
import { expect, test } from 'vitest';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createPartitions } from './partition.ts';

const never = new AbortController().signal;
const request = { Key: { account: { S: 'main' } } };

test.each([
  [100, 4],
  [5000, 2],
  [13_000, 1],
])('a read takes a unit for every 4 KB when the item has %i bytes', async (bytes, answered) => {
  const clock = createVirtualClock();
  const { call, rows, requests } = createPartitions({ clock, random: () => 0.5, limits: { reads: 4, writes: 1 } });
  rows.set('main', { access_token: { S: 'x'.repeat(bytes) } });
  const reads = Array.from({ length: 5 }, () => call('GetItem', request, never));
  await clock.until(Promise.allSettled(reads));

  expect(requests.filter(({ isThrottled }) => !isThrottled)).toHaveLength(answered);
});
