// Chooses and orders the tests of a mutation run. Read by Stryker (stryker.config.mjs).
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { common } from './vitest.config.ts';

/**
 * The unit tests and the contract tests of the core. The scenarios would find more, but a mutant that makes the broker
 * loop costs them minutes. So the score is a lower bound.
 */
const core = [
  'test/unit/lambda/{broker,fegora,aws}/**/*.test.ts',
  'test/contract/lambda/aws/token-table.test.ts',
  'test/contract/lambda/fegora/*.test.ts',
];

class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (moduleId.includes('/test/unit/') ? 0 : 1);
    return files.toSorted((one, other) => rank(one) - rank(other) || one.moduleId.localeCompare(other.moduleId));
  }
}

export default defineConfig({
  test: { ...common, include: core, maxWorkers: 1, sequence: { sequencer: QuickestFirst } },
});
