/** Limits on block devices, proved by the bytes that the kernel counts. Documentation/admin-guide/cgroup-v2.rst, "IO". */

import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, inspect, remove, type Spec, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { type Disk, findDisk } from '../support/disk.ts'
import { importBusybox } from '../support/images.ts'
import { groupFile, until } from '../support/limits.ts'

const MIB = 2 ** 20

let skiff: Daemon
let disk: Disk | undefined
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  disk = await findDisk()
})

const post = (path: string, body: object) => skiff.api.request('POST', path, { body })
const READ = (path: string) => `exec dd if=${path} of=/dev/null iflag=direct bs=64k count=256`
const WRITE = (path: string) => `exec dd if=/dev/zero of=${path} oflag=direct conv=notrunc bs=64k count=256`

const shell = (script: string, host: object = {}): Spec => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', script],
  HostConfig: { NetworkMode: 'none', ...host },
})

interface Counted {
  op: string
  value: number
}

/** Bytes of one direction, as `stats` tells them. */
async function moved(id: string, op: 'read' | 'write'): Promise<number> {
  const { blkio_stats } = await skiff.api.get(`/containers/${id}/stats`, { stream: false, 'one-shot': true })
  const entries: Counted[] = blkio_stats.io_service_bytes_recursive ?? []
  return entries.find(entry => entry.op.toLowerCase() === op)?.value ?? 0
}

describe('a throttle', () => {
  // Of operations two: version 2 of cgroups refuses a limit of one.
  it.for([
    ['BlkioDeviceReadBps', READ, 'read', 65_536],
    ['BlkioDeviceReadIOps', READ, 'read', 2],
    ['BlkioDeviceWriteBps', WRITE, 'write', 65_536],
    ['BlkioDeviceWriteIOps', WRITE, 'write', 2],
  ] as const)(
    '%s holds a process back that another one overtakes, until it is lifted',
    async ([name, use, op, Rate], { skip }) => {
      if (disk === undefined) return skip('the temporary folder is on no disk')
      const limits = { [name]: [{ Path: disk.device, Rate }] }
      const held = await start(skiff, shell(use(disk.path), { ...disk.host, ...limits }))
      await until(
        () => moved(held, op),
        bytes => bytes > 0,
      )
      const free = await start(skiff, shell(use(disk.path), disk.host))
      expect(await wait(skiff, free)).toBe(0)
      // The other one has moved 16 MiB. At 64 or 128 KiB a second this one needs a minute for the 8 that are allowed.
      expect(await moved(held, op)).toBeLessThan(8 * MIB)
      expect((await inspect(skiff, held)).State.Running).toBe(true)
      const lifted = await post(`/containers/${held}/update`, { [name]: [{ Path: disk.device, Rate: 0 }] })
      expect(lifted.json).toEqual({ Warnings: [] })
      expect(await wait(skiff, held)).toBe(0)
      await Promise.all([remove(skiff, held), remove(skiff, free)])
    },
  )

  it.each([
    ['/dev/nope', /stat \/dev\/nope: no such file or directory/],
    ['/dev/null', /\/dev\/null: not a block device/],
  ])('of %s is refused', async (Path, words) => {
    const id = await create(skiff, shell('true', { BlkioDeviceReadBps: [{ Path, Rate: MIB }] }))
    expect((await post(`/containers/${id}/start`, {})).json.message).toMatch(words)
    await remove(skiff, id)
  })
})

test('a weight is set where the kernel has one, and discarded with a warning where it has none', async () => {
  const { Id, Warnings } = await skiff.api.post('/containers/create', shell('sleep 100000', { BlkioWeight: 300 }))
  await skiff.api.post(`/containers/${Id}/start`)
  if (Warnings.length > 0) {
    expect(Warnings).toEqual([
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ])
    expect((await inspect(skiff, Id)).HostConfig.BlkioWeight).toBe(0)
  } else {
    const weight = (v2: string) => groupFile(skiff, Id, 'blkio', { v1: 'blkio.bfq.weight', v2 })
    const seen = await weight('io.bfq.weight').catch(() => weight('io.weight'))
    expect(seen).toMatch(/\b(300|2930)\b/)
  }
  await remove(skiff, Id)
  expect(await post('/containers/create', shell('true', { BlkioWeight: 5 }))).toMatchObject({
    status: 400,
    json: { message: 'Range of blkio weight is from 10 to 1000' },
  })
})
