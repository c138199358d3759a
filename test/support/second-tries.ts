/**
 * A reporter that names each test which failed and then passed, with what it failed on: such a test is right or wrong by chance, which
 * is a defect of its own. It does not hold up others' work; nor is it to be overlooked.
 */

import type { Reporter, TestCase } from 'vitest/node'

export default class SecondTries implements Reporter {
  readonly #found: TestCase[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#found.push(test)
  }

  onTestRunEnd(): void {
    if (this.#found.length === 0) return
    console.log('\nPassed only when tried again:')
    for (const test of this.#found) {
      console.log(`  ${test.module.relativeModuleId} > ${test.fullName}`)
      for (const { message } of test.result().errors ?? []) console.log(message.replace(/^/gm, '      '))
    }
  }
}
