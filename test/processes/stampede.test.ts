// Tests with real processes that a stampede makes one login in each round.
import { expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { isKept, runStampede } from './stampede.ts';

const processes = full(50, 8);
const rounds = full(20, 2);

test('promise 2: makes one login in each round when real processes ask at the same moment', {
  timeout: full(600_000, 120_000),
}, async () => {
  const stampede = await runStampede({ processes, rounds });

  expect(stampede).toMatchObject({ rounds, calls: processes * rounds, logins: rounds, mostLogins: 1, overlaps: 0 });
  expect(stampede).toMatchObject({ bricked: 0, callerErrors: 0, strangers: 0 });
  expect(isKept(stampede)).toBe(true);
  expect(isKept({ ...stampede, logins: rounds + 1 })).toBe(false);
  expect(isKept({ ...stampede, overlaps: 1 })).toBe(false);
});
