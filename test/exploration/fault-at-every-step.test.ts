import { describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { scenarios } from './fault-plan.ts';
import { deviations } from './fault-plan-generators.ts';
import { run, runWell } from './run.ts';

/** A first login is done by then, and so is a takeover's beginning. */
const steps = 60;
/** Under `npm test` one pair in so many; with a stride that shares no factor with their number, all kinds come by. */
const stride = full(1, 31);

describe('promise 8: whatever happens at whatever step, one thing at a time', () => {
  test.for(scenarios)('%s', { timeout: full(600_000, 60_000) }, async (scenario) => {
    const { steps: reached } = await run({ scenario, order: 0, turns: [] });
    const pairs = Array.from({ length: Math.min(steps, reached) }, (_, after) =>
      deviations.map((what) => ({ after, what })),
    ).flat();
    let runs = 0;
    for (let index = scenario.length % stride; index < pairs.length; index += stride) {
      await runWell({ scenario, order: 0, turns: pairs.slice(index, index + 1) });
      runs += 1;
    }
    expect(runs).toBeGreaterThan(pairs.length / (stride + 1));
  });
});
