/**
 * A daemon within a container: what it finds, where it works, and that its groups stay within the container's.
 * The container is made with util-linux; on a v1 or hybrid host it has every hierarchy, in the virtual machine v2 alone.
 */

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCgroups } from '../../src/cgroups/cgroups.ts'
import type { Cgroup, Cgroups } from '../../src/cgroups/types.ts'

// The daemon in the container is the built one: Node by itself reads no TypeScript.
const built = new URL('../../dist/cgroups/cgroups.js', import.meta.url).pathname
const MIB = 2 ** 20

let cgroups: Cgroups
let outer: Cgroup

beforeEach(async () => {
  cgroups = openCgroups({ parent: `skiff-test-${process.env.SKIFF_TEST_RUN}-nested` })
  outer = await cgroups.create('outer', {})
})

afterEach(async () => {
  await outer.kill()
  await outer.remove()
  cgroups.release()
})

interface Found {
  folders: string[]
  usable: string[]
  refused: string
  kept: string[]
}

/** What the daemon does: makes its groups (twice: a restarted one must find the same place), leaves one, says where. */
const DAEMON = `
  import { openCgroups } from '${built}'
  openCgroups({ parent: 'inner' })
  const cgroups = openCgroups({ parent: 'inner' })
  let refused = ''
  const group = await cgroups.create('c1', { pidsLimit: 7, memoryBytes: ${64 * MIB} }).catch(error => { refused = error.message })
  console.log(JSON.stringify({
    folders: cgroups.folders('c1').map(({ path }) => path),
    usable: cgroups.controllers().filter(({ unusable }) => !unusable).map(({ controller }) => controller),
    kept: (await cgroups.removeStale(new Set(['c1']))).removed,
    refused,
  }))
`

/** `enter` is run by the shell after it has joined the container's group, in its own mount and pid namespaces. */
async function inContainer(enter: string): Promise<Found> {
  const files = [...outer.join.tasksFiles]
  if (outer.join.intoPath) files.push(join(outer.join.intoPath, 'cgroup.procs'))
  const script = `for file; do echo 0 > "$file" || exit 99; done; ${enter} node --input-type=module -e "$DAEMON"`
  const container = ['--mount', '--pid', '--fork', '--mount-proc', '/bin/sh', '-c', script, 'sh', ...files]
  const { stdout } = await promisify(execFile)('unshare', container, { env: { ...process.env, DAEMON, REMOUNT } })
  return JSON.parse(stdout)
}

/** As a container engine does for a private cgroup namespace: the same mounts anew, each with the group as its root. */
const REMOUNT = `
  awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup/) print $(i + 1), $5, $(i + 3) }' /proc/self/mountinfo > /tmp/m.$$
  while read type folder options; do
    options=$(echo $options | sed 's/^rw,*//')
    umount $folder && mount -t $type \${options:+-o $options} cgroup $folder || exit 98
  done < /tmp/m.$$
  rm /tmp/m.$$
`

/** The group that the daemon has left, seen from outside. */
function expectWithinContainer(): void {
  for (const { path, controllers, version } of outer.folders) {
    expect(existsSync(join(path, 'inner/c1'))).toBe(true)
    const has = (controller: 'pids' | 'memory') =>
      version === 2 ? !existsSync('/sys/fs/cgroup/pids') : controllers.includes(controller)
    if (has('pids')) expect(readFileSync(join(path, 'inner/c1/pids.max'), 'utf8')).toBe('7\n')
    if (has('memory')) {
      const file = version === 2 ? 'memory.max' : 'memory.limit_in_bytes'
      expect(readFileSync(join(path, 'inner/c1', file), 'utf8')).toBe(`${64 * MIB}\n`)
    }
  }
}

test('with a cgroup namespace of its own: its root is the base, and the processes in it give way', async () => {
  const found = await inContainer(`exec unshare --cgroup --mount /bin/sh -c '${'eval "$REMOUNT"; exec "$0" "$@"'}'`)
  expect(found.refused).toBe('')
  expect(found.usable).toEqual(expect.arrayContaining(['memory', 'pids', 'cpu']))
  for (const folder of found.folders) expect(folder).not.toContain('outer')
  expectWithinContainer()
})

test('with the host’s cgroup namespace: the base is its own group, not the root that it can see', async () => {
  const found = await inContainer('exec')
  expect(found.refused).toBe('')
  for (const folder of found.folders) expect(folder).toMatch(/\/outer\/inner\/c1$/)
  expectWithinContainer()
})

test('with read-only mounts: only who asks for a limit is told', async () => {
  const readOnly = `awk '$0 ~ / - cgroup2? / { print $5 }' /proc/self/mountinfo |
    while read -r folder; do mount -o remount,ro,bind "$folder"; done;`
  const found = await inContainer(`${readOnly} exec`)
  expect(found.usable).toEqual([])
  expect(found.folders).toEqual([])
  expect(found.refused).toMatch(
    /^cannot set a limit on memory: the cgroup controller memory is not usable \(mounted read-only\)/,
  )
})

test('the kernel lets go of the groups when the container is removed', async () => {
  await inContainer('exec')
  await outer.kill()
  while (outer.processes().length > 0) await sleep(10)
  await outer.remove()
  expect(outer.folders.some(({ path }) => existsSync(path))).toBe(false)
})
