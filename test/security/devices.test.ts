/**
 * Devices of the host: its disks and its memory. A container may make nodes (CAP_MKNOD is one of Docker's defaults), but its cgroup
 * decides what can be opened. CVE-2016-8867-like: the same holds for a node that an image or a volume brings along.
 */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../support/engine.ts'
import { attackLines, sharedFolder, startVictim } from './attack.ts'

let engine: Engine
/** `major minor` of a disk of this machine. */
let disk: string
beforeAll(async () => {
  engine = await startVictim()
  const [name = ''] = (await readdir('/sys/block')).filter(block => /^(sd|vd|nvme|xvd|loop)/.test(block))
  disk = (await readFile(join('/sys/block', name, 'dev'), 'utf8')).trim().replace(':', ' ')
})

const CHARACTER = {
  '/dev/mem': '1 1',
  '/dev/kmem': '1 2',
  '/dev/port': '1 4',
  '/dev/kmsg': '1 11',
  '/dev/tty0': '4 0',
  '/dev/fuse': '10 229',
  '/dev/kvm': '10 232',
  '/dev/loop-control': '10 237',
  '/dev/mapper/control': '10 236',
}

describe('nodes that a container makes', () => {
  test("of the host's disk: cannot be opened", async () => {
    expect(await attackLines(engine, `/attack/try mknod b ${disk}`)).toEqual(['EPERM'])
  })

  test.each(Object.entries(CHARACTER))('%s: cannot be opened', async (_, numbers) => {
    expect(await attackLines(engine, `/attack/try mknod c ${numbers}`)).toEqual(['EPERM'])
  })

  test('nor with every capability', async () => {
    const script = `/attack/try mknod b ${disk}; /attack/try mknod c 1 1`
    expect(await attackLines(engine, script, { CapAdd: ['ALL'] })).toEqual(['EPERM', 'EPERM'])
  })
})

test('nodes in a volume are guarded in the same way', async () => {
  const folder = await sharedFolder()
  await promisify(execFile)('mknod', [join(folder, 'disk'), 'b', ...disk.split(' ')])
  const outcome = await attackLines(engine, '/attack/try open /v/disk r', { Binds: [`${folder}:/v`] })
  expect(outcome).toEqual(['EPERM'])
})

test('/dev has neither disks nor memory', async () => {
  const script = 'find /dev -type b | wc -l; ls /dev | grep -c -E "^(mem|kmem|port|kmsg|sd|vd|nvme)"'
  expect(await attackLines(engine, script)).toEqual(['0', '0'])
})

test('while --device gives the one that was asked for', async () => {
  const folder = await sharedFolder()
  const path = join(folder, 'disk')
  await promisify(execFile)('mknod', [path, 'b', ...disk.split(' ')])
  const device = { PathOnHost: path, PathInContainer: '/dev/disk', CgroupPermissions: 'r' }
  const script = '/attack/try open /dev/disk r; /attack/try open /dev/disk w'
  const [read, write] = await attackLines(engine, script, { Devices: [device] })
  expect(['ok', 'ENXIO']).toContain(read)
  expect(write).toBe('EPERM')
})
