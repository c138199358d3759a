import { describe, expect, test } from 'vitest'
import { baseOf } from '../../../src/cgroups/base.ts'
import { folderOf, type Hierarchy, parseHierarchies } from '../../../src/cgroups/layout.ts'

const brief = (hierarchies: Hierarchy[]) =>
  hierarchies.map(({ version, label, mountPoint, mountRoot, readOnly }) =>
    [`v${version}`, label, mountPoint, mountRoot, readOnly ? 'ro' : 'rw'].join(' '),
  )

describe('parseHierarchies', () => {
  test('a host with v2 alone', () => {
    const mounts =
      '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n'
    const [hierarchy, ...others] = parseHierarchies(mounts, '0::/system.slice/skiffd.service\n')
    expect(others).toEqual([])
    expect(hierarchy).toEqual({
      version: 2,
      controllers: [],
      label: '',
      mountPoint: '/sys/fs/cgroup',
      mountRoot: '/',
      ownGroup: '/system.slice/skiffd.service',
      readOnly: false,
    })
  })

  test('systemd’s hybrid layout: controllers that share a hierarchy, a named one, and an empty v2', () => {
    const mounts = [
      '31 30 0:27 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755',
      '32 31 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      '33 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
      '37 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
      '38 31 0:34 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    ].join('\n')
    const own = '5:cpu,cpuacct:/\n4:memory:/user.slice\n3:freezer:/\n1:name=systemd:/init.scope\n0::/init.scope\n'
    const hierarchies = parseHierarchies(mounts, own)
    // The freezer is known to the kernel, but mounted nowhere.
    expect(brief(hierarchies)).toEqual([
      'v1 cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct / rw',
      'v1 memory /sys/fs/cgroup/memory / rw',
      'v1 name=systemd /sys/fs/cgroup/systemd / rw',
      'v2  /sys/fs/cgroup/unified / rw',
    ])
    expect(hierarchies.map(({ controllers }) => controllers)).toEqual([['cpu', 'cpuacct'], ['memory'], [], []])
  })

  test('a container’s read-only bind mounts', () => {
    const mounts = '147 146 0:29 /docker/abc /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu\n'
    expect(brief(parseHierarchies(mounts, '1:cpu:/docker/abc\n'))).toEqual(['v1 cpu /sys/fs/cgroup/cpu /docker/abc ro'])
  })

  test('of several mounts of one hierarchy the writable one that shows most', () => {
    const mounts = [
      '40 1 0:29 / /ro ro - cgroup cgroup rw,memory',
      '41 1 0:29 /part /part rw - cgroup cgroup rw,memory',
      '42 1 0:29 / /var/lib/long/way rw - cgroup cgroup rw,memory',
      '43 1 0:29 / /short rw - cgroup cgroup rw,memory',
    ].join('\n')
    expect(brief(parseHierarchies(mounts, '1:memory:/\n'))).toEqual(['v1 memory /short / rw'])
  })

  test('a mount point with a space', () => {
    const mounts = '43 1 0:29 / /my\\040cgroups rw - cgroup2 none rw\n'
    expect(parseHierarchies(mounts, '0::/\n')[0]?.mountPoint).toBe('/my cgroups')
  })
})

const hierarchy = (changes: Partial<Hierarchy>): Hierarchy => ({
  version: 2,
  controllers: [],
  label: '',
  mountPoint: '/sys/fs/cgroup',
  mountRoot: '/',
  ownGroup: '/',
  readOnly: false,
  ...changes,
})

describe('folderOf', () => {
  test.each([
    ['/', '/', '/sys/fs/cgroup'],
    ['/', '/a/b', '/sys/fs/cgroup/a/b'],
    ['/docker/abc', '/docker/abc', '/sys/fs/cgroup'],
    ['/docker/abc', '/docker/abc/x', '/sys/fs/cgroup/x'],
    ['/docker/abc', '/docker/abcdef', null],
    ['/docker/abc', '/', null],
    ['/', '/../outside', null],
  ])('mount of %s, group %s', (mountRoot, group, folder) => {
    expect(folderOf(hierarchy({ mountRoot }), group)).toBe(folder)
  })
})

describe('baseOf', () => {
  // A folder that exists and can be written to stands for the mount point: only paths are at stake here.
  const at = (changes: Partial<Hierarchy>) => hierarchy({ mountPoint: '/', ...changes })

  test.each([
    ['a host: the root', { ownGroup: '/tmp' }, false, '/'],
    ['a cgroup namespace: its root', { ownGroup: '/' }, false, '/'],
    ['a container that shares the host’s: its own group', { ownGroup: '/tmp' }, true, '/tmp'],
    ['the same after the daemon has moved to the leaf', { ownGroup: '/tmp/init' }, true, '/tmp'],
    ['a bind mount of its own group: that is its root', { mountRoot: '/tmp', ownGroup: '/tmp' }, true, '/'],
  ])('%s', (_, changes, shared, folder) => {
    expect(baseOf(at(changes), shared)).toEqual({ folder })
  })

  test('read-only: none', () => {
    expect(baseOf(at({ readOnly: true }), false).unusable).toBe('mounted read-only')
  })

  test('not writable: none, and the reason', () => {
    expect(baseOf(at({ mountPoint: '/nowhere' }), false).unusable).toBe('not writable')
  })
})
