/** Containers whose root is nobody on the host: userns-remap. */

import { closeSync, lstatSync } from 'node:fs'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type IdMap, makeNetworkNamespaceOf, makeUserNamespace } from '../../../src/kernel/namespaces.ts'
import { openPidfd } from '../../../src/kernel/pidfd.ts'
import { startContainer } from '../../../src/runtime/runtime.ts'
import type { ContainerSpec, ProcessSpec } from '../../../src/runtime/spec.ts'
import { makeSandbox, runExec, type Sandbox, shell } from './sandbox.ts'

const FIRST = 100_000
const ranges = [{ inside: 0, outside: FIRST, count: 65_536 }]
const map: IdMap = { uids: ranges, gids: ranges }

let sandbox: Sandbox
let userns: number
beforeAll(async () => {
  sandbox = await makeSandbox()
  userns = makeUserNamespace(map)
  await chown(join(sandbox.layer, 'var/www'), 33, 33)
})
afterAll(async () => {
  closeSync(userns)
  await sandbox.remove()
})

const remapped = (): Partial<ContainerSpec> => ({ userNamespace: { fd: userns, map } })
const run = (script: string, change: Partial<ContainerSpec> = {}, process: Partial<ProcessSpec> = {}) =>
  shell(sandbox, script, { ...remapped(), ...change }, process)

it('is root inside, and another on the host', async () => {
  const script =
    'id -u; id -g; cat /proc/self/uid_map | tr -s " "; ls -nd / /bin/sh /var/www /dev /dev/null /dev/shm /tmp | awk \'{ print $3, $4, $NF }\''
  expect((await run(script)).split('\n')).toEqual([
    '0',
    '0',
    ` 0 ${FIRST} 65536`,
    '0 0 /',
    '0 0 /bin/sh',
    '0 0 /dev',
    '0 0 /dev/null',
    '0 0 /dev/shm',
    '0 0 /tmp',
    '33 33 /var/www',
  ])
})

it('writes files that have the ids of the container on disk', async () => {
  await run(
    'touch /mine; mkdir -p /made/here; chown 33:44 /mine; cp /etc/passwd /copy; rm /etc/group; echo >>/etc/passwd',
    {
      process: sandbox.process({ cwd: '/work/dir' }),
    },
  )
  const ids = (name: string) => {
    const { uid, gid } = lstatSync(join(sandbox.upper, name))
    return [uid, gid]
  }
  expect([ids('mine'), ids('made/here'), ids('copy'), ids('etc/passwd')]).toEqual([
    [33, 44],
    [0, 0],
    [0, 0],
    [0, 0],
  ])
})

it('has no rights over what the host owns', async () => {
  const folder = join(sandbox.folder, 'of-the-host')
  await mkdir(folder, { mode: 0o700 })
  await writeFile(join(folder, 'secret'), 'x')
  const mounts: ContainerSpec['mounts'] = [
    { kind: 'bind', source: folder, target: '/of-host', readonly: false, recursive: false, propagation: 'rprivate' },
    {
      kind: 'bind',
      source: folder,
      target: '/volume',
      readonly: false,
      recursive: false,
      propagation: 'rprivate',
      idmapped: true,
    },
  ]
  const script =
    'cat /of-host/secret || echo denied; stat -c %u /of-host; cat /volume/secret; touch /volume/new; echo $?'
  const output = await run(script, { mounts })
  expect(output.split('\n').slice(1)).toEqual(['denied', '65534', 'x0'])
  expect(lstatSync(join(folder, 'new')).uid).toBe(0)
  await chmod(folder, 0o755)
})

it('gets a terminal, a user by number, and its streams to open again', async () => {
  const tty = await run('tty; echo again >/dev/stdout; stat -c "%u %g" $(tty)', {}, { terminal: true })
  expect(tty.split('\n')).toEqual(['/dev/pts/0', 'again', '0 5'])
  const user = { uid: 33, gid: 33, groups: [33, 44] }
  expect(await run('id -u; id -G; echo again >/dev/stdout; stat -L -c %u /proc/self', {}, user)).toBe(
    '33\n33 44\nagain\n33',
  )
})

it('rules its own network and mounts, and nothing else', async () => {
  const netns = makeNetworkNamespaceOf(userns)
  try {
    const { namespaces } = sandbox.spec()
    const network = { kind: 'fd', fd: netns, of: 'its own' } as const
    const process = sandbox.process()
    const names = [...process.capabilities.bounding, 'CAP_SYS_ADMIN', 'CAP_NET_ADMIN']
    const all = { bounding: names, permitted: names, effective: names, inheritable: [], ambient: [] }
    const script = `ip link set lo down; echo $?; mount -t tmpfs none /tmp; echo $?; hostname other; echo $?
      mknod /x c 1 3 2>/dev/null; echo $?; echo 1 2>/dev/null >/proc/sys/kernel/panic || echo denied; umount /proc/kcore 2>/dev/null; echo $?`
    const output = await run(script, { namespaces: { ...namespaces, network }, seccomp: null }, { capabilities: all })
    expect(output.split('\n')).toEqual(['0', '0', '0', '1', 'denied', '1'])
  } finally {
    closeSync(netns)
  }
})

it('is entered by an exec, with the same ids', async () => {
  const runDir = join(sandbox.folder, 'run/remapped')
  await mkdir(runDir, { mode: 0o700 })
  const spec = sandbox.spec(() => ({ ...remapped(), process: sandbox.process({ argv: ['sleep', '1000'] }) }))
  const { handle } = await startContainer(spec, { runDir, stdin: 'null', log: null, attach: [] })
  const pidfd = openPidfd(handle.started.pid)
  try {
    expect(lstatSync(`/proc/${handle.started.pid}`).uid).toBe(FIRST)
    const command =
      'id -u; tail -n1 /proc/self/uid_map | tr -s " "; touch /by-exec; echo again >/dev/stdout; grep CapEff /proc/self/status'
    const { output } = await runExec(sandbox, {
      containerId: spec.id,
      pidfd,
      idMap: map,
      process: sandbox.process({ argv: ['sh', '-c', command] }),
      seccomp: spec.seccomp,
      cgroup: spec.cgroup,
    })
    expect(output.trim().split('\n')).toEqual(['0', ` 0 ${FIRST} 65536`, 'again', 'CapEff:\t00000000a80425fb'])
    expect(lstatSync(join(sandbox.upper, 'by-exec')).uid).toBe(0)
  } finally {
    handle.signal(9)
    await handle.exited
    closeSync(pidfd)
  }
})

it('refuses an id that has none on the host', async () => {
  await expect(run('true', {}, { uid: 70_000 })).rejects.toThrow('beyond the range')
})
