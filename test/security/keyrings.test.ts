/**
 * The kernel's keyrings are no namespace: whoever has the daemon's session keyring has its keys (Kerberos tickets, disk passwords).
 * Each container gets a session keyring of its own, and the default seccomp profile refuses the calls that look further.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check } from '../../src/kernel/errors.ts'
import { syscall } from '../../src/kernel/syscall.ts'
import { makeSandbox, runContainer, type Sandbox } from '../unit/runtime/sandbox.ts'
import { buildAttack, PROGRAMS } from './attack.ts'

const KEYCTL_JOIN_SESSION_KEYRING = 1
const SECRET = `skiff-test-${process.pid}`

let sandbox: Sandbox
beforeAll(async () => {
  await buildAttack()
  sandbox = await makeSandbox()
  // This process stands for the daemon: it starts the containers below.
  check('keyctl', syscall('keyctl', KEYCTL_JOIN_SESSION_KEYRING, null))
  // Its children have the same keyring.
  expect(await onHost('addkey')).toBe('ok\n')
})
afterAll(() => sandbox.remove())

const onHost = async (attempt: string) => (await promisify(execFile)(join(PROGRAMS, 'try'), [attempt, SECRET])).stdout

/** Without seccomp, unless `filtered`. */
async function tries(id: string, script: string, filtered = false): Promise<string[]> {
  const spec = sandbox.spec(plain => ({
    id,
    seccomp: filtered ? plain.seccomp : null,
    mounts: [
      { kind: 'bind', source: PROGRAMS, target: '/attack', readonly: true, recursive: false, propagation: 'rprivate' },
    ],
    process: sandbox.process({ argv: ['sh', '-c', script] }),
  }))
  return (await runContainer(sandbox, spec)).output.trim().split('\n')
}

test("a container has none of the daemon's keys", async () => {
  expect(await tries('skiff-test-keys-1', `/attack/try key ${SECRET}`)).toEqual(['ENOKEY'])
})

test('it cannot look for any', async () => {
  const script = `/attack/try key ${SECRET}; /attack/try addkey x; /attack/try joinkeys x`
  expect(await tries('skiff-test-keys-2', script, true)).toEqual(['EPERM', 'EPERM', 'EPERM'])
})

test('nor does another container have what one has added', async () => {
  expect(await tries('skiff-test-keys-3', '/attack/try addkey left; /attack/try key left')).toEqual(['ok', 'ok'])
  expect(await tries('skiff-test-keys-4', '/attack/try key left')).toEqual(['ENOKEY'])
})

test('while a process that is only started has all of them', async () => {
  expect(await onHost('key')).toBe('ok\n')
})
