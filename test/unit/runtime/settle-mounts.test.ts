import { closeSync, constants, openSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { settleMounts } from '../../../src/runtime/settle-mounts.ts'
import type { MountSpec } from '../../../src/runtime/spec.ts'

let folder: string
let root: number
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-settle-'))
  const inside = (path: string): string => join(folder, path)
  for (const path of ['etc', 'var', 'run', 'tmp']) await mkdir(inside(path))
  await chmod(inside('tmp'), 0o1777)
  await writeFile(inside('etc/hosts'), '')
  await symlink('/run/systemd/stub', inside('etc/resolv.conf'))
  await symlink('../../../../run', inside('var/run'))
  await symlink('/loop', inside('loop'))
  root = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
})
afterAll(async () => {
  closeSync(root)
  await rm(folder, { recursive: true })
})

const bind = (target: string): MountSpec => ({
  kind: 'bind',
  source: '/x',
  target,
  readonly: false,
  recursive: true,
  propagation: 'rprivate',
})
const targets = (...paths: string[]): string[] => settleMounts(root, paths.map(bind)).map(mount => mount.target)

it.each([
  ['/etc/hosts', '/etc/hosts'],
  ['/etc/resolv.conf', '/run/systemd/stub'],
  ['/var/run/x/y', '/run/x/y'],
  ['/new/sub/', '/new/sub'],
  ['/var/../etc', '/etc'],
])('the target %s is %s', (target, settled) => {
  expect(targets(target)).toEqual([settled])
})

it('a target in another mount stays as it is', () => {
  expect(targets('/var', '/var/run/x')).toEqual(['/var', '/var/run/x'])
})

it('a loop is refused', () => {
  expect(() => targets('/loop/x')).toThrow('too many levels of symbolic links')
})

it('a tmpfs has the mode of what it covers, unless it is given one', () => {
  const tmpfs = (target: string, options: string[]): MountSpec => ({ kind: 'tmpfs', target, options })
  const settled = settleMounts(root, [tmpfs('/tmp', ['size=1m']), tmpfs('/run', ['mode=700']), tmpfs('/new', [])])
  expect(settled.map(mount => mount.kind === 'tmpfs' && mount.options)).toEqual([
    ['size=1m', 'mode=1777'],
    ['mode=700'],
    [],
  ])
})
