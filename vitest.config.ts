import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{server,operator,e2e,bench,tools}/**/*.test.ts'],
    // Two cores may be shared with a build: a slow machine is no failure. Nothing below asserts a wall time.
    setupFiles: ['./tools/property-seed.ts'],
    // Tests beside real processes meet the machine's other work: in CI one that fails is run once more, and only once.
    retry: process.env.CI === 'true' ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
