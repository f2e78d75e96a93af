// Very many environments start at once, on a table with the limits of DynamoDB.
import { describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { type FleetOptions, runFleet } from './fleet.ts';

describe('promise 63: environments that start at once', () => {
  test.each<[string, FleetOptions & { readonly loginMs: number }]>([
    ['3,000, and the token has expired', { environments: 3000, loginMs: 1000 }],
    ['many, and logins take 5 s', { environments: full(3000, 1100), loginMs: 5000 }],
    ['3,000, and the account never logged in', { environments: 3000, loginMs: 1000, isNew: true }],
    ['10', { environments: 10, loginMs: 300 }],
  ])('make one login and no caller gets an error when they are %s', async (_, options) => {
    const { logins, overlaps, errors, reads, writes, p99Ms } = await runFleet(options);

    expect({ logins, overlaps, errors }).toEqual({ logins: 1, overlaps: 0, errors: {} });
    expect(p99Ms).toBeLessThanOrEqual(options.loginMs + 2000);
    expect(reads.inFirstSecondEach).toBeLessThanOrEqual(2.5);
    expect(writes.throttled > 0).toBe(options.environments > 1000);
  });
});

test('accounts that are kept warm for a day log in two or three times an hour, never at once, and every caller gets a token', async () => {
  const { logins, overlaps, errors, calls, longestMs } = await runFleet({ environments: 20, accounts: 5, days: 1 });

  expect({ overlaps, errors }).toEqual({ overlaps: 0, errors: {} });
  expect(logins).toBeLessThanOrEqual(5 * 24 * 3);
  expect(logins).toBeGreaterThanOrEqual(5 * 24 * 2);
  expect(calls).toBeGreaterThan(20 * 280);
  expect(longestMs).toBeLessThan(2000);
});
