/** Memory that a system call's structures point to, while V8 collects what nobody names any more. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const sockets = new URL('../../../dist/kernel/sockets.js', import.meta.url)

/** With so little room for what is young that it is collected all the time. */
const PROGRAM = `
  import { closeSync, openSync } from 'node:fs'
  import { sendDescriptors, socketPair } from '${sockets}'
  const fds = Array.from({ length: 6 }, () => openSync('/dev/null'))
  let sent = 0
  for (let round = 0; round < 20000; round++) {
    const ends = socketPair()
    if (sendDescriptors(ends[0], Buffer.from('x'.repeat(64)), fds)) sent++
    for (const end of ends) closeSync(end)
  }
  console.log(sent)
`

test('is there until the kernel has looked: 20,000 messages with descriptors', { timeout: 120_000 }, async () => {
  const args = ['--max-semi-space-size=1', '--input-type=module', '-e', PROGRAM]
  expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('20000\n')
})
