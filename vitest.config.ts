// Runs every test. Read by `npm test`, `npm run test:unit` and `npm run test:watch`.
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { full } from './test/support/counts.ts';

/**
 * Tests that mostly wait: a lease that ends, a service that does not respond. They all start at the same moment, before
 * the others, because one after another they would take minutes in which the machine does nothing.
 */
const waiting = [
  'test/contract/lambda/aws/{credential-source,dynamodb}.test.ts',
  'test/contract/lambda/fegora/connection.test.ts',
  'test/processes/{killed,stopped}-leader.test.ts',
  'test/scenario/cli/reset.test.ts',
  'test/scenario/function/{invocation-time,router}.test.ts',
  'test/scenario/local/gateway.test.ts',
];

/**
 * Tests that leave nothing behind in their process, so their files share one. A process for each file would load the CDK
 * thirty times. The others count what a process holds, start threads, or set what belongs to all of it.
 */
const sharing = ['test/{exploration,fleet,infra,soak,unit}/**/*.test.ts', 'test/scenario/broker/**/*.test.ts'];

/** What the tests have in common, however they are run. */
export const common = {
  // The examples import the package by its name.
  alias: { 'fegora-token-broker': join(import.meta.dirname, 'infra/index.ts') },
  setupFiles: ['test/support/quiet.ts', 'test/support/openapi/every-answer.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  restoreMocks: true,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'waiting',
          include: waiting,
          // The counts of `npm run proof` keep two cores busy also while they wait.
          maxWorkers: full(2, 9),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'apart',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...waiting, ...sharing],
          // The machine has two cores. With more workers, the tests that measure time would disturb each other.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: 'sharing',
          include: sharing,
          isolate: false,
          unstubEnvs: true,
          unstubGlobals: true,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
