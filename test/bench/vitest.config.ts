import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/bench/engines.ts'],
    setupFiles: 'test/support/setup.ts',
    pool: 'forks',
    // A figure takes the time it takes.
    testTimeout: 0,
    hookTimeout: 0,
  },
})
