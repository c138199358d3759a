/** A process in its cgroup from its first moment, and what it sees of it. On hybrid machines both versions are tried. */

import { mkdtemp, readdir, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, shell } from './sandbox.ts'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const exists = async (path: string): Promise<boolean> => (await readdir(path).catch(() => null)) !== null
const unified = (await exists('/sys/fs/cgroup/unified')) ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup'
const hasLegacy = await exists('/sys/fs/cgroup/pids')

/** Runs with a group of its own, which must be empty again afterwards: else it cannot be removed. */
async function inGroup<T>(parent: string, run: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(parent, 'skiff-test-'))
  try {
    return await run(path)
  } finally {
    await rmdir(path)
  }
}

describe('a cgroup of version 2', () => {
  it('is what the process is born in, and the root of what it sees', async () => {
    const output = await inGroup(unified, path =>
      shell(
        sandbox,
        'grep "^0:" /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | head -n1; mkdir /sys/fs/cgroup/x; grep -c " /sys/fs/cgroup ro," /proc/self/mountinfo',
        {
          cgroup: { intoPath: path, tasksFiles: [] },
          cgroupView: { readonly: true, folders: [{ version: 2, controllers: [], label: '', path }] },
        },
      ),
    )
    expect(output).toBe("0::/\n1\nmkdir: can't create directory '/sys/fs/cgroup/x': Read-only file system\n1")
  })

  it('shows its path on the host in the host’s cgroup namespace', async () => {
    await inGroup(unified, async path => {
      const namespaces = { ...sandbox.spec().namespaces, cgroup: { kind: 'host' as const } }
      const output = await shell(sandbox, 'grep "^0:" /proc/self/cgroup', {
        namespaces,
        cgroup: { intoPath: path, tasksFiles: [] },
      })
      expect(output).toBe(`0::/${basename(path)}`)
    })
  })
})

describe.runIf(hasLegacy)('a cgroup of version 1', () => {
  it('is entered first, and seen in a folder per hierarchy', async () => {
    const output = await inGroup('/sys/fs/cgroup/pids', path =>
      shell(
        sandbox,
        'grep pids /proc/self/cgroup | cut -d: -f2-; ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/tasks | head -n1; echo 5 2>&1 >/sys/fs/cgroup/pids/pids.max',
        {
          cgroup: { intoPath: null, tasksFiles: [join(path, 'tasks')] },
          cgroupView: { readonly: true, folders: [{ version: 1, controllers: ['pids'], label: 'pids', path }] },
        },
      ),
    )
    expect(output.split('\n')).toEqual(['pids:/', 'pids', '1', expect.stringContaining('Read-only file system')])
  })
})
