import { describe, expect, test } from 'vitest'
import { devices } from '../../../src/cgroups/controllers/devices.ts'
import { deviceProgram, encodeInstructions, type Instruction } from '../../../src/cgroups/device-program.ts'
import {
  ALLOW_ALL_DEVICES,
  DEFAULT_DEVICE_RULES,
  DENY_ALL_DEVICES,
  deviceAccess,
  formatException,
  parseDevicesList,
} from '../../../src/cgroups/device-rules.ts'
import type { GroupState } from '../../../src/cgroups/setting.ts'
import type { DeviceRule } from '../../../src/cgroups/types.ts'
import { InvalidParameter } from '../../../src/kernel/errors.ts'

const rule = (text: string): DeviceRule => {
  const [, word, type, major, minor, access = ''] = /^(allow|deny) ([bc]) (\S+):(\S+) (\w+)$/.exec(text) ?? []
  const number = (part?: string) => (part === '*' ? null : Number(part))
  return { allow: word === 'allow', type: type === 'b' ? 'b' : 'c', major: number(major), minor: number(minor), access }
}
const exceptions = (...rules: DeviceRule[]) => deviceAccess(rules).exceptions.map(formatException)

describe('deviceAccess', () => {
  test('rules in the same words add up and are taken back', () => {
    expect(exceptions(DENY_ALL_DEVICES, rule('allow c 1:3 r'), rule('allow c 1:3 mw'))).toEqual(['c 1:3 rwm'])
    expect(exceptions(DENY_ALL_DEVICES, rule('allow c 1:3 rwm'), rule('deny c 1:3 w'))).toEqual(['c 1:3 rm'])
    expect(exceptions(DENY_ALL_DEVICES, rule('allow c 1:3 r'), rule('deny c 1:3 r'))).toEqual([])
  })
  test('a rule for all devices forgets what was before', () => {
    expect(deviceAccess([rule('deny c 1:3 r'), ALLOW_ALL_DEVICES])).toEqual({ allowByDefault: true, exceptions: [] })
  })
  test('what neither version could enforce is refused', () => {
    expect(() => exceptions(DENY_ALL_DEVICES, rule('allow c *:* rwm'), rule('deny c 1:3 w'))).toThrow(InvalidParameter)
    expect(() => exceptions(rule('deny c 1:3 x'))).toThrow(InvalidParameter)
    expect(() => exceptions(rule('deny c -1:3 r'))).toThrow(InvalidParameter)
  })
  test('what the kernel shows is read back as it was', () => {
    const access = deviceAccess(DEFAULT_DEVICE_RULES)
    expect(parseDevicesList(access.exceptions.map(formatException).join('\n'))).toEqual(access)
    expect(parseDevicesList('a *:* rwm\n')).toEqual({ allowByDefault: true, exceptions: [] })
  })
})

/** The few instructions that device programs are made of, as the kernel executes them. */
function execute(program: Instruction[], context: number[]): number {
  const registers = [0, 0, 0, 0, 0, 0]
  for (let at = 0; ; at++) {
    const { opcode, dst, src, offset, immediate } = program[at]!
    if (opcode === 0x61) registers[dst] = context[offset / 4]!
    else if (opcode === 0xb7) registers[dst] = immediate
    else if (opcode === 0xbf) registers[dst] = registers[src]!
    else if (opcode === 0x57) registers[dst] = (registers[dst]! & immediate) >>> 0
    else if (opcode === 0x77) registers[dst] = registers[dst]! >>> immediate
    else if (opcode === 0x16) at += registers[dst]! === immediate >>> 0 ? offset : 0
    else if (opcode === 0x56) at += registers[dst]! !== immediate >>> 0 ? offset : 0
    else if (opcode === 0x95) return registers[0]!
    else throw new Error(`unknown opcode ${opcode}`)
  }
}

const MKNOD = 1
const READ = 2
const WRITE = 4

function isAllowed(
  rules: readonly DeviceRule[],
  type: 'b' | 'c',
  major: number,
  minor: number,
  access: number,
): boolean {
  const accessType = (access << 16) | (type === 'b' ? 1 : 2)
  return execute(deviceProgram(deviceAccess(rules)), [accessType, major, minor]) === 1
}

describe('devices, v1', () => {
  const below = (parentList: string, list: string | null = null): GroupState => ({
    has: () => true,
    read: () => list,
    number: () => null,
    readParent: () => parentList,
  })
  const written = (rules: readonly DeviceRule[], group: GroupState) =>
    devices.legacy.settings({ devices: [...rules] }, group).map(({ file, value }) => `${file.slice(8)} ${value}`)

  test('a new group: nothing, then what is allowed', () => {
    const settings = written(DEFAULT_DEVICE_RULES, below('a *:* rwm'))
    expect(settings.slice(0, 4)).toEqual(['deny a', 'allow c *:* m', 'allow b *:* m', 'allow c 1:3 rwm'])
  })
  test('a new group that may have everything its parent has', () => {
    expect(written([ALLOW_ALL_DEVICES], below('c 1:3 rwm'))).toEqual([])
  })
  test('the default shrinks to what the parent has; what was asked for does not', () => {
    const rules = [...DEFAULT_DEVICE_RULES, rule('allow c 10:229 rwm')]
    expect(written(rules, below('c 1:* rw\nc 1:3 rwm\nc 5:0 rwm'))).toEqual([
      'deny a',
      'allow c 1:3 rwm',
      'allow c 5:0 rwm',
      'allow c 10:229 rwm',
    ])
  })
  test('an update gives and takes the difference', () => {
    const rules = [DENY_ALL_DEVICES, rule('allow c 1:3 rwm'), rule('allow c 1:5 r')]
    expect(written(rules, below('a *:* rwm', 'c 1:3 rwm\nc 1:9 rw'))).toEqual(['allow c 1:5 r', 'deny c 1:9 rw'])
  })
})

describe('deviceProgram', () => {
  test.each([
    ['c', 1, 3, READ | WRITE, true],
    ['c', 1, 3, MKNOD, true],
    ['b', 1, 3, READ, false],
    ['c', 1, 11, READ, false],
    ['c', 1, 11, MKNOD, true],
    ['c', 1, 11, MKNOD | READ, false],
    ['b', 8, 0, MKNOD, true],
    ['b', 8, 0, READ, false],
    ['c', 136, 77, READ | WRITE, true],
    ['c', 137, 77, READ, false],
  ] as const)('Docker’s default: %s %d:%d access %d', (type, major, minor, access, allowed) => {
    expect(isAllowed(DEFAULT_DEVICE_RULES, type, major, minor, access)).toBe(allowed)
  })
  test('allowed unless denied: touching a denied access is enough', () => {
    const rules = [ALLOW_ALL_DEVICES, rule('deny c 1:11 w')]
    expect(isAllowed(rules, 'c', 1, 11, READ)).toBe(true)
    expect(isAllowed(rules, 'c', 1, 11, READ | WRITE)).toBe(false)
    expect(isAllowed(rules, 'b', 1, 11, WRITE)).toBe(true)
  })
  test('numbers beyond 31 bits are not sign-extended', () => {
    const rules = [DENY_ALL_DEVICES, rule('allow c 4294967295:4294967294 r')]
    expect(isAllowed(rules, 'c', 0xffffffff, 0xfffffffe, READ)).toBe(true)
    expect(isAllowed(rules, 'c', 0xffffffff, 0xffffffff, READ)).toBe(false)
  })
  test('its bytes', () => {
    const bytes = encodeInstructions(deviceProgram({ allowByDefault: false, exceptions: [] }))
    expect(bytes.toString('hex').match(/.{16}/g)).toEqual([
      '6112000000000000', // r2 = *(u32 *)(r1 + 0)
      'bf23000000000000', // r3 = r2
      '57030000ffff0000', // r3 &= 0xffff
      '7702000010000000', // r2 >>= 16
      '6114040000000000', // r4 = *(u32 *)(r1 + 4)
      '6115080000000000', // r5 = *(u32 *)(r1 + 8)
      'b700000000000000', // r0 = 0
      '9500000000000000', // exit
    ])
  })
})
