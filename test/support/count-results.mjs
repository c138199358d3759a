/** From vitest's JSON to lines for the closing line of test/run: `node count-results.mjs RESULTS.json EXIT-CODE`. */

import { existsSync, readFileSync } from 'node:fs'

const [file = '', code] = process.argv.slice(2)
const none = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8'))
  : none
// A file that cannot be loaded and a machine that is not as it was have no test of their own: they count as one.
const failed = numFailedTests || (code === '0' ? 0 : 1)
console.log(`passed ${numPassedTests}\nfailed ${failed}\nskipped ${numPendingTests + numTodoTests}`)
