// Runs every single fault at every step of the broker's protocol, one fault in each run.
import { describe, expect, test } from 'vitest';
import { renewals } from '../../lambda/config.ts';
import { full } from '../support/counts.ts';
import { scenarios } from './fault-plan.ts';
import { allFaults } from './fault-plan-generators.ts';
import { run, runWithoutViolation } from './run.ts';

/** By this step, a first login is done and a takeover has started. */
const steps = 60;
/** `npm test` runs only every nth pair. The stride shares no factor with the number of faults, so all kinds are run. */
const stride = full(1, 31);

describe('promise 8: one fault in each run', () => {
  test.for(scenarios.flatMap((scenario) => renewals.map((renewWith) => [scenario, renewWith] as const)))(
    'finds no violation when any fault happens at any step of the scenario «%s» (%s)',
    {
      timeout: full(600_000, 60_000),
    },
    async ([scenario, renewWith]) => {
      const { steps: reached } = await run({ scenario, renewWith, order: 0, faults: [] });
      const pairs = Array.from({ length: Math.min(steps, reached) }, (_, after) =>
        allFaults.map((fault) => ({ after, fault })),
      ).flat();
      let runs = 0;
      for (let index = scenario.length % stride; index < pairs.length; index += stride) {
        await runWithoutViolation({ scenario, renewWith, order: 0, faults: pairs.slice(index, index + 1) });
        runs += 1;
      }
      expect(runs).toBeGreaterThan(pairs.length / (stride + 1));
    },
  );
});
