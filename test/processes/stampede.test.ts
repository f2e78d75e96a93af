// Tests with real processes that a stampede makes one login in each round.
import { expect, test } from 'vitest';
import { runFleet } from '../fleet/fleet.ts';
import { full } from '../support/counts.ts';
import { isKept, runStampede, scaledLimits } from './stampede.ts';

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

test('promise 2: sends each refresh token once when real processes renew expired tokens at the same moment', {
  timeout: full(600_000, 120_000),
}, async () => {
  const [few, count] = [full(50, 4), full(20, 1)];
  const stampede = await runStampede({ processes: few, rounds: count, renewWith: 'refresh_token' });

  expect(stampede).toMatchObject({ calls: few * count, logins: count, mostLogins: 1, passwords: 0, overlaps: 0 });
  expect(isKept(stampede)).toBe(true);
});

test('promise 63: real processes on a table that throttles wait, and agree with the fleet on virtual time', {
  timeout: full(600_000, 120_000),
}, async () => {
  const limits = scaledLimits(processes);
  const stampede = await runStampede({ processes, rounds, limits });
  const fleet = await runFleet({ environments: processes, loginMs: 50, isNew: true, limits });

  expect(isKept(stampede)).toBe(true);
  expect(fleet).toMatchObject({ logins: 1, overlaps: 0, errors: {} });
  expect(stampede.table?.throttled).toBeGreaterThan(0);
  expect(fleet.reads.throttled + fleet.writes.throttled).toBeGreaterThan(0);
  // Processes on two cores do not start at the same moment, so they ask less than the fleet.
  expect(stampede.table?.readsEach).toBeLessThan((1.5 * fleet.reads.total) / processes);
  expect(stampede.table?.writesEach).toBeLessThan((1.5 * fleet.writes.total) / processes);
});
