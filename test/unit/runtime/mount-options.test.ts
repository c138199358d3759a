import { expect, it } from 'vitest'
import { parseMountOptions } from '../../../src/runtime/compile/mount-options.ts'

it.each<[string, string, [string, string?][]]>([
  ['', '0', []],
  [
    'noexec,nosuid,nodev,size=1m,mode=1777',
    'MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV',
    [
      ['size', '1m'],
      ['mode', '1777'],
    ],
  ],
  ['noexec,exec,ro,rw', '0', []],
  ['rw,ro', 'MOUNT_ATTR_RDONLY', []],
  ['noatime,relatime', '0', []],
  ['relatime,noatime', 'MOUNT_ATTR_NOATIME', []],
  ['size=1,size=2,sync', '0', [['size', '2'], ['sync']]],
  ['rprivate,defaults,remount', '0', []],
])('%s', (options, attributes, data) => {
  const parsed = parseMountOptions(options.split(','))
  expect(parsed.attributes.shown).toBe(attributes)
  expect(parsed.data).toEqual(data)
})
