// Mutation testing of the core. Run by `npm run mutation`.

/**
 * Coverage shows that a test ran a line. A mutant that survives shows that no test notices when the line changes.
 * `npm run mutation -- -m lambda/broker/token.ts` mutates one file.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  testRunner: 'vitest',
  // `related` would leave out the tests that reach a file through a server, and all of these tests are quick.
  vitest: { configFile: 'vitest.stryker.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // Stryker would rewrite tsconfig.json with an API that TypeScript 7 does not have. The tests run without tsconfig.json.
  tsconfigFile: 'none',
  mutate: [
    'lambda/broker/**/*.ts',
    'lambda/fegora/*.ts',
    'lambda/aws/{token-table,item-calls,item-record,item-update,refresh-seal,update-expressions,item-reset,retry}.ts',
  ],
  // A whole run takes long. Results of unchanged code and tests are kept in reports/.
  incremental: true,
  incrementalFile: 'reports/mutation.json',
  ignorePatterns: ['cdk.out', 'dist', 'reports', 'coverage'],
  // The machine has two cores, and the servers of the tests need one.
  concurrency: 1,
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
