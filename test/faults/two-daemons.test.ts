/** Two daemons that want the same thing: the second refuses, and says who has it. Where they may share something, neither harms the other. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { RUN } from '../support/machine.ts'

const SKIFFD = fileURLToPath(new URL('../../bin/skiffd', import.meta.url))
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'] }

let first: Daemon
let container: string
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), `skiff-second-${RUN}-`))
  first = await startDaemon()
  await importBusybox(first)
  container = await start(first, SLEEP)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** What a second daemon says that has all its own but for `args`. It ends by itself, or the test's time runs out. */
async function refusal(args: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const own: Record<string, string> = {
    '--data-root': join(folder, 'data'),
    '--exec-root': join(folder, 'exec'),
    '-H': `unix://${join(folder, 'skiff.sock')}`,
    '--pidfile': join(folder, 'pid'),
    '--bridge': 'none',
    '--cgroup-parent': `${first.cgroupParent}-second`,
  }
  const words = Object.entries({ ...own, ...args }).flat()
  try {
    await promisify(execFile)(SKIFFD, words)
    return { code: 0, stderr: '' }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, stderr }
  }
}

async function isUnharmed(): Promise<void> {
  expect((await inspect(first, container)).State.Running).toBe(true)
  expect((await exec(first, container, ['echo', 'here'])).stdout).toBe('here\n')
}

test('one data-root', async () => {
  const { code, stderr } = await refusal({ '--data-root': first.dataRoot })
  expect(code).toBe(1)
  expect(stderr).toContain(`${first.dataRoot} is in use by another skiffd (PID ${first.pid})`)
  await isUnharmed()
})

test('one exec-root', async () => {
  const { code, stderr } = await refusal({ '--exec-root': first.execRoot })
  expect(code).toBe(1)
  expect(stderr).toContain(`${first.execRoot} is in use by another skiffd (PID ${first.pid})`)
  await isUnharmed()
})

test('one socket', async () => {
  const { code, stderr } = await refusal({ '-H': `unix://${first.socket}` })
  expect(code).toBe(1)
  expect(stderr).toContain(first.socket)
  await isUnharmed()
})

test('one bridge', async () => {
  const { code, stderr } = await refusal({ '--bridge': first.bridge })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    new RegExp(`bridge ${first.bridge} is another skiffd's \\(skiff-[0-9a-f]{8} network bridge\\)`),
  )
  await isUnharmed()
})

test('one cgroup parent: each leaves the other’s groups alone, also when it starts', { timeout: 180_000 }, async () => {
  const second = await startDaemon({ args: ['--cgroup-parent', first.cgroupParent] })
  await importBusybox(second)
  const other = await start(second, { ...SLEEP, HostConfig: { NetworkMode: 'none' } })
  await second.kill9()
  await first.kill9()
  await Promise.all([second.restart(), first.restart()])
  await isUnharmed()
  expect((await inspect(second, other)).State.Running).toBe(true)
  await remove(second, other)
  await isUnharmed()
})
