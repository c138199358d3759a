import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { CgroupSupport, Cgroups } from '../../../src/cgroups/types.ts'
import { fileSystemOf, parseOsRelease, readIfThere } from '../../../src/system/host.ts'
import { engineId } from '../../../src/system/identity.ts'
import { createSystem, type SystemSettings } from '../../../src/system/system.ts'
import { hostWarnings } from '../../../src/system/warnings.ts'

async function temporary(): Promise<string> {
  const folder = await mkdtemp('/tmp/skiff-system-')
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test.each([
  ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n', 'Debian GNU/Linux 12 (bookworm)', '12'],
  ["NAME='Alpine Linux'\nVERSION_ID=3.19.0", 'Alpine Linux', '3.19.0'],
  ['', 'Linux', ''],
])('os-release %j', (text, name, version) => expect(parseOsRelease(text)).toEqual({ name, version }))

test('a file that is not there is empty; other errors are errors', async () => {
  expect(await readIfThere('/nosuch/file')).toBe('')
  await expect(readIfThere('/')).rejects.toMatchObject({ code: 'EISDIR' })
})

test('file systems have the names that Docker gives them', async () => {
  expect(await fileSystemOf('/dev/shm')).toBe('tmpfs')
  expect(await fileSystemOf('/proc')).toBe('0x9fa0')
})

test('an engine keeps its id', async () => {
  const folder = await temporary()
  const id = await engineId(folder)
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  expect(await engineId(folder)).toBe(id)
  expect(await readFile(join(folder, 'engine-id'), 'utf8')).toBe(`${id}\n`)
})

const everything = new Proxy({}, { get: () => true }) as CgroupSupport

test('a host that can do everything is warned of nothing', () => {
  expect(hostWarnings(everything, true)).toEqual([])
  const little = { ...everything, memoryLimit: false, swapLimit: false } as CgroupSupport
  expect(hostWarnings(little, false)).toEqual(
    expect.arrayContaining([
      'WARNING: No memory limit support',
      'WARNING: No swap limit support',
      'WARNING: IPv4 forwarding is disabled',
    ]),
  )
})

test('info is about this host', async () => {
  const settings = { dataRoot: await temporary(), userNamespaces: true, apiVersion: '1.47' } as SystemSettings
  const cgroups = { mode: 'hybrid', supports: everything } as unknown as Cgroups
  const system = await createSystem(settings, cgroups, {
    containers: () => ({ total: 3, running: 1, paused: 1, stopped: 1 }),
    images: async () => 4,
    eventListeners: () => 5,
  })
  const info = await system.info()
  expect(info).toMatchObject({
    containers: { total: 3 },
    images: 4,
    eventListeners: 5,
    cgroup: { version: '1' },
    version: { kernelVersion: release(), os: 'linux', apiVersion: '1.47' },
    securityOptions: ['name=seccomp,profile=builtin', 'name=userns'],
  })
  const total = /^MemTotal: +(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]
  expect(info.memoryBytes).toBe(Number(total) * 1024)
  expect(info.cpus).toBeGreaterThan(0)
  expect(system.version().version).toMatch(/^\d+\.\d+\.\d+/)
})
