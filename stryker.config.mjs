/**
 * Mutation testing of the core: coverage says that a line was run, a mutant that survives says that nobody would have
 * noticed had it been another. `npm run mutation`, or `npm run mutation -- -m lambda/broker/token.ts` for one file.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  testRunner: 'vitest',
  // All tests of the core are quick ones: `related` would only leave out those that reach a file through a server.
  vitest: { configFile: 'vitest.stryker.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // Stryker would rewrite it with an interface that TypeScript 7 does not have; the tests run without it.
  tsconfigFile: 'none',
  mutate: ['lambda/broker/*.ts', 'lambda/fegora/*.ts', 'lambda/aws/{token-table,item-record,item-update}.ts'],
  // A whole run takes long; what is known of unchanged code and tests is kept beside the reports.
  incremental: true,
  incrementalFile: 'reports/mutation.json',
  ignorePatterns: ['cdk.out', 'dist', 'reports', 'coverage'],
  // Two cores, one of which the tests' own servers need.
  concurrency: 1,
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
