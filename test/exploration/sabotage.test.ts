// Checks that the exploration finds a violation when a part of the protocol is missing.
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { faultPlans } from './fault-plan-generators.ts';
import { runWithoutViolation } from './run.ts';
import type { Sabotage } from './run-state.ts';
import { sabotages } from './sabotage.ts';

const mostRuns = 3000;
const report = ['missing part of the protocol                     first violation'];

afterAll(() => console.log(report.join('\n')));

/** Returns the first violation of the broker without a part of the protocol. */
async function firstViolation(sabotage: Sabotage): Promise<string | undefined> {
  const property = fc.asyncProperty(faultPlans, async (plan) => {
    await runWithoutViolation(plan, sabotage);
  });
  const { errorInstance } = await fc.check(property, { seed: 1, numRuns: mostRuns, endOnFailure: true });
  return errorInstance instanceof Error ? errorInstance.message.split('\n')[0] : undefined;
}

describe('promise 8: a protocol with a missing part', () => {
  const cases = sabotages.map((one) => [one.part, one] as const);

  test.for(cases)(
    'finds a violation when the protocol lacks %s',
    { timeout: 120_000 },
    async ([part, { sabotage, violation }]) => {
      const seen = await firstViolation(sabotage);
      report.push(`${part.padEnd(48)} ${seen}`);
      expect(seen).toMatch(violation);
    },
  );
});
