// Checks that the exploration finds a violation when a part of the protocol is missing.
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { deadHolderPlans, faultPlans } from './fault-plan-generators.ts';
import { runWithoutViolation } from './run.ts';
import { type NamedSabotage, sabotages } from './sabotage.ts';

const mostRuns = 3000;
const report = ['missing part of the protocol                     first violation'];

afterAll(() => console.log(report.join('\n')));

/** Returns the first violation of the broker without a part of the protocol. */
async function firstViolation({ sabotage, plans = faultPlans }: NamedSabotage): Promise<string | undefined> {
  const property = fc.asyncProperty(plans, async (plan) => {
    await runWithoutViolation(plan, sabotage);
  });
  const { errorInstance } = await fc.check(property, { seed: 1, numRuns: mostRuns, endOnFailure: true });
  return errorInstance instanceof Error ? errorInstance.message.split('\n')[0] : undefined;
}

describe('promise 8: a protocol with a missing part', () => {
  const cases = sabotages.map((one) => [one.part, one] as const);

  test.for(cases)('finds a violation when the protocol lacks %s', { timeout: 120_000 }, async ([part, named]) => {
    const seen = await firstViolation(named);
    report.push(`${part.padEnd(48)} ${seen}`);
    expect(seen).toMatch(named.violation);
  });
});

test('promise 77: no user is sent a fourth password within an hour when holders die after sending', async () => {
  const property = fc.asyncProperty(deadHolderPlans, async (plan) => {
    await runWithoutViolation(plan);
  });
  await fc.assert(property, { seed: 1, verbose: fc.VerbosityLevel.None, numRuns: full(3000, 100) });
});
