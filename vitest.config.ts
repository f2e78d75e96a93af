// Runs every test. Read by `npm test`, `npm run test:unit` and `npm run test:watch`.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/quiet.ts', 'test/support/openapi/every-answer.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // The machine has two cores. With more workers, the tests that measure time would disturb each other.
    maxWorkers: 2,
  },
});
