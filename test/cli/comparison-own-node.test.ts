/** The same under Node alone. */

process.env.SKIFF_NO_LAUNCHER = '1'
await import('./comparison-own.test.ts')
