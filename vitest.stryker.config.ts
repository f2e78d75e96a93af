// Chooses and orders the tests of a mutation run. Read by Stryker (stryker.config.mjs).
import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import config from './vitest.config.ts';

/**
 * The tests of the core that never wait in real time. For each mutant, Stryker runs the tests that reach it, up to the
 * first that fails. The quick tests come first; the scenarios, in which a broken broker may loop, come last.
 */
const core = [
  'test/unit/lambda/{broker,fegora,aws}/**/*.test.ts',
  'test/contract/lambda/aws/token-table.test.ts',
  'test/contract/lambda/fegora/*.test.ts',
  'test/exploration/suspended-guard.test.ts',
  // A frozen process can only be tested in real time, with a second thread. The matrix needs a third of the whole time.
  'test/scenario/broker/{,user/}!(credentials-freeze|matrix).test.ts',
];
const kinds = ['unit', 'contract', 'exploration', 'scenario'];

class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => kinds.findIndex((kind) => moduleId.includes(`/test/${kind}/`));
    return files.toSorted((one, other) => rank(one) - rank(other) || one.moduleId.localeCompare(other.moduleId));
  }
}

const merged = mergeConfig(config, defineConfig({ test: { maxWorkers: 1, sequence: { sequencer: QuickestFirst } } }));

export default { ...merged, test: { ...merged.test, include: core } };
