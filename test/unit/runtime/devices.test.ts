import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { devicesFor, hostDevices } from '../../../src/runtime/devices.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-devices-'))
  await mkdir(join(folder, 'sub'))
  execFileSync('mknod', ['-m', '640', join(folder, 'big'), 'c', '300', '70000'])
  execFileSync('mknod', ['-m', '600', join(folder, 'sub/disk'), 'b', '7', '1'])
  await writeFile(join(folder, 'plain'), '')
  await symlink('big', join(folder, 'link'))
})
afterAll(() => rm(folder, { recursive: true }))

it('a node keeps its numbers and mode under another path', async () => {
  expect(await devicesFor(join(folder, 'big'), '/dev/x')).toEqual([
    { path: '/dev/x', type: 'c', major: 300, minor: 70000, mode: 0o640, uid: 0, gid: 0 },
  ])
})

it('a symlink stands for what it points to', async () => {
  expect(await devicesFor(join(folder, 'link'), '/dev/y')).toMatchObject([{ path: '/dev/y', major: 300 }])
})

it('a folder stands for all nodes in it, and nothing else', async () => {
  expect(await devicesFor(folder, '/dev/all')).toMatchObject([
    { path: '/dev/all/big', type: 'c' },
    { path: '/dev/all/sub/disk', type: 'b', major: 7, minor: 1, mode: 0o600 },
  ])
})

it('what is no device is refused in the words of Docker', async () => {
  const words = 'error gathering device information while adding custom device'
  await expect(devicesFor('/dev/nope', '/x')).rejects.toThrow(`${words} "/dev/nope": no such file or directory`)
  await expect(devicesFor(join(folder, 'plain'), '/x')).rejects.toThrow('not a device node')
})

it('the host’s are those of its /dev, without what a container has of its own', async () => {
  const paths = (await hostDevices()).map(node => node.path)
  expect(paths).toContain('/dev/null')
  expect(paths.filter(path => /^\/dev\/(pts|shm|mqueue|console|ptmx)/.test(path))).toEqual([])
})
