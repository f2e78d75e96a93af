// Very many clients call at once through an API that throttles: all of them are served in the end.
import { describe, expect, test } from 'vitest';
import { TokenBrokerError } from '../../client/errors.ts';
import { tokenClient } from '../../client/token-client.ts';
import type { Transport } from '../../client/token-response.ts';
import { defaultThrottle } from '../../infra/api/stage.ts';
import { createRandom } from '../support/cluster/observations.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createBucket } from './bucket.ts';

const answer = { accessToken: 'not-a-real-token', expiresIn: 1799, fingerprint: 'f'.repeat(64), account: 'main' };

/** Lets clients ask at the same moment. Returns how long each waited, in milliseconds, and how many calls they made in all. */
async function burst(clients: number) {
  const clock = createVirtualClock();
  const random = createRandom();
  const { ratePerSecond: perSecond, burst: most } = defaultThrottle;
  const take = createBucket({ clock, perSecond, burst: most });
  let calls = 0;
  const transport: Transport = async () => {
    calls += 1;
    if (!take(1)) {
      throw new TokenBrokerError('throttled', 'Too many requests.', { retryable: true, retryAfter: 1 });
    }
    return answer;
  };
  const asks = Array.from({ length: clients }, async () => {
    await tokenClient(transport, { ...clock, random }).getToken();
    return clock.monotonic();
  });
  const waits = (await clock.until(Promise.all(asks))).sort((a, b) => a - b);
  return { waits, calls };
}

describe('promise 63: clients that start at once', () => {
  test('are served at once when they are as many as the API lets in', async () => {
    const { waits, calls } = await burst(1000);

    expect([waits.at(-1), calls]).toEqual([0, 1000]);
  });

  test('are all served when they are three times as many', async () => {
    const { waits, calls } = await burst(3000);

    expect(waits.at(-1)).toBeLessThan(12_000);
    expect(calls).toBeLessThan(3 * 3000);
  });

  test('are all served within 15 s when they are 5,000, because the refused ones come again at different times', async () => {
    const { waits } = await burst(5000);

    expect(waits.at(-1)).toBeLessThan(15_000);
  });
});
