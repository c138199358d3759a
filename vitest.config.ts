import { defineConfig } from 'vitest/config'

/** test/vm: a processor that is emulated. */
const patience = process.env.SKIFF_VM ? 6 : 1

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/setup.ts',
    // A process per file: tests unshare namespaces, and native code must not take its neighbours down.
    pool: 'forks',
    maxWorkers: 2,
    // Two cores, real kernels, thousands of containers: what chance spoils is tried again, and named by test/support/second-tries.ts.
    retry: 1,
    testTimeout: patience * 60_000,
    hookTimeout: patience * 120_000,
  },
})
