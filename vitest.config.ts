import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{server,operator,e2e,bench,tools}/**/*.test.ts'],
    // Two cores may be shared with a build: a slow machine is no failure. Nothing below asserts a wall time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
