import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { plans } from './fault-plan-generators.ts';
import { runWell, type Sabotage } from './run.ts';
import { sabotages } from './sabotage.ts';

const mostRuns = 3000;
const report = ['what the protocol lacked                         what went wrong first'];

afterAll(() => console.log(report.join('\n')));

/** What goes wrong first without a part of the protocol, and how many runs it took to see it. */
async function firstHarm(sabotage: Sabotage): Promise<string | undefined> {
  const property = fc.asyncProperty(plans, async (plan) => {
    await runWell(plan, sabotage);
  });
  const { errorInstance } = await fc.check(property, { seed: 1, numRuns: mostRuns, endOnFailure: true });
  return errorInstance instanceof Error ? errorInstance.message.split('\n')[0] : undefined;
}

describe('promise 8: the exploration would find it, if the protocol lacked', () => {
  test.for(sabotages)('$part', { timeout: 120_000 }, async ({ part, sabotage, harm }) => {
    const seen = await firstHarm(sabotage);
    report.push(`${part.padEnd(48)} ${seen}`);
    expect(seen).toMatch(harm);
  });
});
