import { defineConfig, mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** The tests of the core that wait for no real time: each mutant runs those that reach it. */
const core = [
  'test/unit/{token,item,item-record,item-update,hold,guard,memory,single-flight,credential-choice}.test.ts',
  'test/unit/fegora-response.test.ts',
  'test/contract/token-table.test.ts',
  'test/contract/fegora-{transport,broken,hostile}.test.ts',
  'test/scenario/{one-login,staying-up,staying-up-outage,rotation,rejected,window,window-lifetime,credentials}.test.ts',
  'test/scenario/partial-outage.test.ts',
  'test/exploration/{joined-flights,suspended-guard}.test.ts',
];

const merged = mergeConfig(config, defineConfig({ test: { maxWorkers: 1 } }));

export default { ...merged, test: { ...merged.test, include: core } };
