// Runs the broker's protocol against random fault plans. `EXPLORATION_SEED` repeats a run.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { faultPlans, slowFaultPlans } from './fault-plan-generators.ts';
import { runWithoutViolation } from './run.ts';

/** A failure prints its seed and path. */
const seed = Number(process.env.EXPLORATION_SEED ?? 20_261_124);
const settings = { seed, verbose: fc.VerbosityLevel.None };

describe('promise 8: three environments under random faults in random order', () => {
  test(`makes at most one login at once, overwrites no newer token, serves no expired token and answers every call (seed ${seed})`, {
    timeout: full(1_500_000, 90_000),
  }, async () => {
    const counts = { logins: 0, refreshes: 0 };
    const property = fc.asyncProperty(faultPlans, async (plan) => {
      const { logins, refreshes } = await runWithoutViolation(plan);
      counts.logins += logins;
      counts.refreshes += refreshes;
    });
    await fc.assert(property, { ...settings, numRuns: full(40_000, 600) });

    // The runs prove something about both modes only if many logins sent a refresh token.
    expect(counts.refreshes).toBeGreaterThan(counts.logins / 20);
  });

  test('never has two logins in flight from our side when Fegora works on a login for longer than the lease', async () => {
    let overlapsInside = 0;
    const property = fc.asyncProperty(slowFaultPlans, async (plan) => {
      overlapsInside += (await runWithoutViolation(plan)).overlapsInside;
    });

    await fc.assert(property, { ...settings, numRuns: full(3000, 60) });

    expect(overlapsInside).toBeGreaterThan(0);
  });
});
