/** Snapshots with volumes; by copies (vfs); with mapped users; and across the daemon's own life. */

import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ApiError } from '../support/client.ts'
import { create, exec, inspect, remove, run, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { removeAll, reset, snapshot, snapshotNames, startFrom } from '../support/snapshots.ts'

const HostConfig = { NetworkMode: 'none' }
const IDLE = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'KILL', HostConfig }

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon({ args: ['--bridge', 'none'] })
  await importBusybox(skiff)
})

// So that a test which fails does not fail the next.
afterEach(() => removeAll(skiff))

const sh = async (id: string, line: string, engine = skiff): Promise<string> => {
  const { stdout, stderr } = await exec(engine, id, ['sh', '-c', line])
  return stdout + stderr
}
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => `${error.status} ${error.message}`,
  )
const with_ = (more: object) => ({ ...IDLE, HostConfig: { ...HostConfig, ...more } })

describe('volumes', () => {
  test('are in a snapshot on request, named and anonymous ones, and go back with it', async () => {
    const id = await start(skiff, { ...with_({ Binds: ['named:/named'] }), Volumes: { '/anonymous': {} } })
    await sh(
      id,
      'for v in named anonymous; do cd /$v; echo 1 >file; ln file link; mkdir -m 1750 d; chown 7:8 d; done; echo 1 >/root/file',
    )
    const { Volumes, Warnings } = await snapshot(skiff, id, 'whole', { stop: 1, volumes: 1 })
    expect(Warnings).toEqual([])
    expect(Volumes.map(({ Destination }: { Destination: string }) => Destination)).toEqual(['/anonymous', '/named'])
    await sh(id, 'for v in named anonymous; do cd /$v; echo 2 >file; rm -r d; touch new; done; echo 2 >/root/file')
    await reset(skiff, id)
    const look = `for v in named anonymous; do cd /$v; ls; cat file; stat -c '%h' link; stat -c '%a %u %g' d; done; cat /root/file`
    const whole = 'd\nfile\nlink\n1\n2\n1750 7 8\n'
    expect(await sh(id, look)).toBe(`${whole}${whole}1\n`)
    // On the machine it is the same volume.
    const { Mountpoint } = await skiff.api.get('/volumes/named')
    expect(await readFile(join(Mountpoint, 'file'), 'utf8')).toBe('1\n')
    const left = async () => (await readdir(join(skiff.dataRoot, 'volumes'))).filter(name => name.startsWith('.'))
    await expect.poll(left).toEqual([])
  })

  test('are new ones in containers that begin there; what is mounted over them wins', async () => {
    const id = await start(skiff, with_({ Binds: ['base:/data'] }))
    await sh(id, 'echo 1 >/data/file')
    await snapshot(skiff, id, 'base', { stop: 1, volumes: 1 })
    const other = await startFrom(skiff, 'base', { HostConfig })
    await sh(other, 'echo 2 >>/data/file')
    expect(await sh(id, 'cat /data/file')).toBe('1\n')
    await reset(skiff, other)
    expect(await sh(other, 'cat /data/file')).toBe('1\n')
    const [mount] = (await inspect(skiff, other)).Mounts
    expect(mount).toMatchObject({ Type: 'volume', Destination: '/data' })
    expect(mount.Name).toMatch(/^[0-9a-f]{64}$/)
    const look = { FromSnapshot: 'base', Image: '', Cmd: ['ls', '/data'] }
    await skiff.api.post('/volumes/create', { Name: 'full' })
    await writeFile(join((await skiff.api.get('/volumes/full')).Mountpoint, 'own'), '')
    const seen = async (more: object) => (await run(skiff, { ...look, HostConfig: { ...HostConfig, ...more } })).stdout
    expect(await seen({ Binds: ['full:/data'] })).toBe('own\n')
    expect(await seen({ Binds: ['fresh:/data'] })).toBe('file\n')
    expect(await seen({ Tmpfs: { '/data': '' } })).toBe('')
  })

  test('are not in it otherwise: that is said, and a reset leaves them alone', async () => {
    const id = await start(skiff, with_({ Binds: ['left:/data'] }))
    const { Warnings, Volumes } = await snapshot(skiff, id, 'without', { stop: 1 })
    expect(Volumes).toEqual([])
    expect(Warnings).toEqual(['the volume left at /data is not in the snapshot: --volumes takes volumes, too'])
    await sh(id, 'echo 2 >/data/file')
    await reset(skiff, id)
    expect(await sh(id, 'cat /data/file')).toBe('2\n')
  })

  test('that others use, that are none of ours, or that are not there are refused', async () => {
    const id = await start(skiff, with_({ Binds: ['both:/data'] }), 'one')
    await snapshot(skiff, id, 'both', { stop: 1, volumes: 1 })
    const other = await start(skiff, with_({ Binds: ['both:/data'] }), 'two')
    const inUse = '409 volume both is in use by container two, which runs: stop it first'
    expect(await refusal(reset(skiff, id))).toBe(inUse)
    expect((await inspect(skiff, id)).State.Running).toBe(true)
    expect(await refusal(snapshot(skiff, id, 'again', { stop: 1, volumes: 1 }))).toBe(inUse)
    // It was stopped before that was found out, and runs again.
    expect((await inspect(skiff, id)).State.Running).toBe(true)
    await remove(skiff, other)
    await reset(skiff, id)
    const bare = await create(skiff, IDLE, 'bare')
    expect(await refusal(reset(skiff, bare, 'both'))).toBe(
      '409 snapshot both has a volume for /data, and container bare has none there',
    )
    await skiff.api.post('/volumes/create', { Name: 'memory', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } })
    const foreign = await create(skiff, with_({ Binds: ['memory:/data'] }))
    expect(await refusal(snapshot(skiff, foreign, 'foreign', { volumes: 1 }))).toBe(
      "409 volume memory has driver options: what they mount is not skiff's to snapshot or reset",
    )
    expect(await snapshotNames(skiff)).toEqual(['both'])
  })
})

test('snapshots outlive the daemon, however it ends', async () => {
  const id = await start(skiff, with_({ Binds: ['kept:/data'] }))
  await sh(id, 'echo 1 >/one; echo 1 >/data/one')
  await snapshot(skiff, id, 'kept', { stop: 1, volumes: 1 })
  const other = await startFrom(skiff, 'kept', { HostConfig })
  await sh(id, 'echo 2 >/one; echo 2 >/data/one')
  await skiff.kill9()
  await skiff.restart()
  expect(await snapshotNames(skiff)).toEqual(['kept'])
  expect(await sh(id, 'cat /one /data/one')).toBe('2\n2\n')
  await reset(skiff, id)
  expect(await sh(id, 'cat /one /data/one')).toBe('1\n1\n')
  await skiff.terminate()
  await skiff.restart()
  await remove(skiff, id)
  expect(await refusal(skiff.api.delete('/snapshots/kept'))).toMatch(/^409 .* in use by container /)
  expect(await sh(other, 'cat /one /data/one')).toBe('1\n1\n')
  await remove(skiff, other)
  expect(await sh(await startFrom(skiff, 'kept', { HostConfig }), 'cat /one /data/one')).toBe('1\n1\n')
})

test('by copies, where overlay cannot be had, it is the same', async () => {
  const vfs = await startDaemon({ args: ['--bridge', 'none', '--storage-driver', 'vfs'] })
  await importBusybox(vfs)
  const id = await start(vfs, IDLE)
  await sh(id, 'echo 1 >/one; ln /one /uno; rm /bin/vi', vfs)
  await snapshot(vfs, id, 'copy', { stop: 1 })
  await sh(id, 'echo 2 >/one; rm /bin/ls', vfs)
  const other = await startFrom(vfs, 'copy', { HostConfig })
  await reset(vfs, id)
  for (const each of [id, other])
    expect(await sh(each, 'cat /one; stat -c %h /uno; ls /bin/vi 2>&1; ls /bin/ls', vfs)).toBe(
      '1\n2\nls: /bin/vi: No such file or directory\n/bin/ls\n',
    )
  const changes = [
    { Path: '/bin', Kind: 0 },
    { Path: '/bin/vi', Kind: 2 },
    { Path: '/one', Kind: 1 },
    { Path: '/uno', Kind: 1 },
  ]
  expect(await vfs.api.get(`/containers/${other}/changes`)).toEqual(changes)
  expect(await refusal(vfs.api.delete('/snapshots/copy'))).toMatch(/^409 /)
  await removeAll(vfs)
  expect(await readdir(join(vfs.dataRoot, 'layers/tree'))).toEqual(['0', '1'])
})

test('one that cannot be written down is taken back: the container is what it was', async () => {
  const id = await start(skiff, IDLE)
  await sh(id, 'echo 1 >/one; rm /bin/vi')
  await snapshot(skiff, id, 'below', { stop: 1 })
  await sh(id, 'echo 2 >/two')
  // In the way of its record, which is the last that is made of it.
  await mkdir(join(skiff.dataRoot, 'snapshots/blocked/x'), { recursive: true })
  expect(await refusal(snapshot(skiff, id, 'blocked', { stop: 1 }))).toMatch(/^500 .*ENOTEMPTY/)
  await rm(join(skiff.dataRoot, 'snapshots/blocked'), { recursive: true })
  expect(await sh(id, 'cat /one /two; ls /bin/vi')).toBe('1\n2\nls: /bin/vi: No such file or directory\n')
  expect(await snapshotNames(skiff)).toEqual(['below'])
  const frozen = (await readdir(join(skiff.dataRoot, 'layers/tree'))).filter(name => name.startsWith('_'))
  expect(frozen).toHaveLength(1)
  await reset(skiff, id)
  expect(await sh(id, 'cat /one; ls /two 2>&1')).toBe('1\nls: /two: No such file or directory\n')
})

test('one whose record is damaged does no harm to what stands on it', async () => {
  const id = await start(skiff, IDLE)
  await sh(id, 'echo 1 >/one')
  await snapshot(skiff, id, 'damaged', { stop: 1 })
  await skiff.kill9()
  await writeFile(join(skiff.dataRoot, 'snapshots/damaged/snapshot.json'), '{"name":')
  await skiff.restart()
  expect(await snapshotNames(skiff)).toEqual([])
  // The container stands on what it stood on.
  await skiff.api.post(`/containers/${id}/restart`, undefined, { t: 0 })
  expect(await sh(id, 'cat /one')).toBe('1\n')
  expect((await stat(join(skiff.dataRoot, 'damaged'))).isDirectory()).toBe(true)
})
