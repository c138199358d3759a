/** Pure cgroup v2, which no machine with v1 can show: the contract of src/cgroups under Debian's stock kernel. */

import { execFile } from 'node:child_process'
import { arch } from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MINUTES = 60_000

test.skipIf(arch !== 'x64' || process.env.SKIFF_VM)(
  'the contract suite passes in the virtual machine',
  async () => {
    const run = new URL('run', import.meta.url).pathname
    const { stdout, code } = await promisify(execFile)('sh', [run], { maxBuffer: 2 ** 26 }).then(
      ({ stdout }) => ({ stdout, code: 0 }),
      (failure: { stdout: string; code: number }) => failure,
    )
    expect(code, stdout).toBe(0)
    // vitest would be content with a machine on which every suite is skipped.
    expect(stdout).toMatch(/✓ .*cgroups: unified > memory: a process that wants more than the limit is killed/)
  },
  15 * MINUTES,
)
