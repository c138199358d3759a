import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/bench/image-memory.ts'],
    setupFiles: 'test/support/setup.ts',
    pool: 'forks',
    testTimeout: 0,
    hookTimeout: 0,
  },
})
