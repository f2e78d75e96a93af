// The accounts of a platform for a day: what is kept warm, and what that costs.
import { expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { runTenants } from './tenants.ts';

test('promise 64: accounts in use are answered from a token for a day, and no two logins of one overlap', async () => {
  const accounts = full(300, 60);
  const { coldCalls, errors, overlaps, logins, mostWarmUps, queue, calls } = await runTenants({ accounts, days: 1 });

  expect({ coldCalls, errors, overlaps, dead: queue.dead }).toEqual({ coldCalls: 0, errors: {}, overlaps: 0, dead: 0 });
  expect(mostWarmUps).toBeLessThanOrEqual(50);
  // At most one login in each 20 minutes, from the window of one token to that of the next.
  expect(logins).toBeLessThanOrEqual(accounts * 24 * 3);
  expect(calls).toBeGreaterThan(accounts * 24);
});

test('promise 64: accounts whose logins get no answer delay no other, although the queue has two places only', async () => {
  const hangs = (account: string) => /[02468]$/.test(account);
  const { coldAccounts, errors, overlaps, mostWarmUps, queue } = await runTenants({
    accounts: 60,
    days: 1,
    concurrency: 2,
    hangs,
  });

  expect(coldAccounts.filter((account) => !hangs(account))).toEqual([]);
  expect(Object.keys(errors).sort()).toEqual(['upstream_timeout']);
  expect({ overlaps, dead: queue.dead }).toEqual({ overlaps: 0, dead: 0 });
  expect(mostWarmUps).toBeLessThanOrEqual(10);
});

test('promise 64: a tick costs what is due, and not how many accounts there are', async () => {
  const { index, ticks, queue } = await runTenants({ accounts: 3, days: 1 });

  expect(ticks).toBe(360);
  // One query for each of the four shards, half a unit each.
  expect(index.queries).toBe(4 * 360);
  expect(index.reads).toBe(2 * 360);
  expect(queue.messages).toBeLessThan(3 * 24 * 3);
});
