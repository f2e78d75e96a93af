import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { plans, slowPlans } from './fault-plan-generators.ts';
import { runWell } from './run.ts';

/** `EXPLORATION_SEED` repeats a run; a failure prints its seed and path. */
const seed = Number(process.env.EXPLORATION_SEED ?? 20_261_124);
const settings = { seed, verbose: fc.VerbosityLevel.None };

describe('promise 8: three environments, whatever happens to them in whatever order', () => {
  test(`at most one login in flight, no stale overwrite, nothing dead served, every call answered (seed ${seed})`, {
    timeout: full(1_500_000, 90_000),
  }, async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      await runWell(plan);
    });
    await fc.assert(property, { ...settings, numRuns: full(40_000, 600) });
  });

  test('only a Fegora that takes longer than the lease has two logins inside, and never two from us', async () => {
    let overlapsInside = 0;
    const property = fc.asyncProperty(slowPlans, async (plan) => {
      overlapsInside += (await runWell(plan)).overlapsInside;
    });

    await fc.assert(property, { ...settings, numRuns: full(3000, 60) });

    expect(overlapsInside).toBeGreaterThan(0);
  });
});
