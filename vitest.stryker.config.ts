import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import config from './vitest.config.ts';

/**
 * The tests of the core that wait for no real time. Each mutant runs those that reach it, up to the first that fails: so
 * the quick ones come first, and those last in which a broken broker may turn in circles.
 */
const core = [
  'test/unit/{token,item,item-record,item-update,hold,guard,memory,single-flight,credential-choice}.test.ts',
  'test/unit/fegora-response.test.ts',
  'test/contract/token-table.test.ts',
  'test/contract/fegora-{broken,transport,hostile}.test.ts',
  'test/exploration/{joined-flights,suspended-guard}.test.ts',
  'test/scenario/{one-login,failed-logins,rejected,rotation,window,window-edges,window-lifetime,credentials}.test.ts',
  'test/scenario/{partial-outage,waiting,staying-up,staying-up-outage}.test.ts',
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
