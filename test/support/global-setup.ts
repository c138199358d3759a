/**
 * Around a whole vitest run (vitest's globalSetup): the machine must be afterwards what it was before.
 *
 * With SKIFF_TEST_STRICT=1 (test/run sets it) everything counts. Without it, on a machine where others work at the
 * same time, only what carries this run's name, and its orphaned processes.
 */

import { compareMachines, lookAtMachine, RUN } from './machine.ts'

const strict = process.env.SKIFF_TEST_STRICT === '1'

export default async function setup(): Promise<() => Promise<void>> {
  process.env.SKIFF_TEST_RUN = RUN
  const before = await lookAtMachine()
  return async () => {
    const found = compareMachines(before, await lookAtMachine())
    const ours = strict
      ? found
      : found.filter(line => line.includes(`skiff-test-${RUN}`) || line.startsWith('left behind: process '))
    if (ours.length === 0) return
    // vitest reports what a teardown throws, and exits with 0 all the same.
    process.exitCode = 1
    throw new Error(`the tests did not leave the machine as it was:\n  ${ours.join('\n  ')}`)
  }
}
