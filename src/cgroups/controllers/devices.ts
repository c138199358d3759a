/**
 * Which devices may be opened or made. v1 keeps a list in the kernel (cgroup-v1/devices.rst); v2 asks a BPF program
 * (cgroup-v2.rst, "Device controller").
 */

import { closeSync, openSync } from 'node:fs'
import {
  attachToCgroup,
  BPF_CGROUP_DEVICE,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  detachFromCgroup,
  loadProgram,
  programById,
  programsOfCgroup,
} from '../../kernel/bpf.ts'
import { deviceProgram, encodeInstructions } from '../device-program.ts'
import {
  DEFAULT_DEVICE_RULES,
  type DeviceAccess,
  type DeviceException,
  deviceAccess,
  formatException,
  isAllowed,
  parseDevicesList,
} from '../device-rules.ts'
import type { Assignment, ControllerFiles, ControllerModule, GroupState } from '../setting.ts'
import type { Resources } from '../types.ts'

const allowed = (value: string): Assignment => ({ file: 'devices.allow', value, why: 'this device may be used' })
const denied = (value: string): Assignment => ({ file: 'devices.deny', value, why: 'this device may not be used' })

const legacy: ControllerFiles = {
  settings({ devices: rules }, group) {
    if (!rules) return []
    const wanted = deviceAccess(rules)
    if (wanted.allowByDefault) {
      // A new group has what its parent has; to ask for everything where the parent has less would be EPERM.
      const all = group.read('devices.list') === null ? [] : [allowed('a')]
      return [...all, ...wanted.exceptions.map(formatException).map(denied)]
    }
    const exceptions = grantable(wanted.exceptions, group).map(formatException)
    const present = presentAccess(group)
    if (present.allowByDefault) return [{ ...denied('a'), why: 'nothing but what follows' }, ...exceptions.map(allowed)]
    // From list to list: what stays allowed is allowed at every moment in between.
    const listed = present.exceptions.map(formatException)
    return [
      ...exceptions.filter(exception => !listed.includes(exception)).map(allowed),
      ...listed.filter(exception => !exceptions.includes(exception)).map(denied),
    ]
  },
}

/** A new group is treated as if everything was allowed, for it inherits what may be any list. */
function presentAccess(group: GroupState): DeviceAccess {
  const list = group.read('devices.list')
  return list === null ? { allowByDefault: true, exceptions: [] } : parseDevicesList(list)
}

const DEFAULTS = new Set(deviceAccess(DEFAULT_DEVICE_RULES).exceptions.map(formatException))

/**
 * Within a container that has fewer devices than Docker's default (no net/tun, say), the default shrinks to what there is.
 * What the user asked for stays: the kernel's EPERM is the answer to that.
 */
function grantable(exceptions: DeviceException[], group: GroupState): DeviceException[] {
  const above = parseDevicesList(group.readParent('devices.list') ?? 'a *:* rwm')
  return exceptions.filter(each => isAllowed(each, above) || !DEFAULTS.has(formatException(each)))
}

export const DEVICE_PROGRAM = 'BPF_CGROUP_DEVICE'

const unified: ControllerFiles = {
  settings({ devices: rules }, group) {
    if (!rules) return []
    const access = deviceAccess(rules)
    const isNew = group.read('cgroup.type') === null
    if (isNew && access.allowByDefault && access.exceptions.length === 0) return []
    return [
      {
        file: DEVICE_PROGRAM,
        value: describeAccess(access),
        why: 'v2 has no file for this: a program that the kernel asks at each open and mknod of a device',
        perform: folder => attachDeviceProgram(folder, access),
      },
    ]
  },
}

const describeAccess = ({ allowByDefault, exceptions }: DeviceAccess): string =>
  [`${allowByDefault ? 'allow' : 'deny'} all`, ...exceptions.map(formatException)].join(
    `, ${allowByDefault ? 'deny' : 'allow'} `,
  )

/** Attaches the program; if the group has one, puts it in its place, so that at no moment there is none. */
export function attachDeviceProgram(folder: string, access: DeviceAccess): void {
  const group = openSync(folder, 'r')
  try {
    const present = programsOfCgroup(group, BPF_CGROUP_DEVICE).map(programById)
    try {
      // The group is ours, so whatever is attached is, too; all have to say yes, so an old one must not stay.
      const [first, ...others] = present
      attachToCgroup(group, loadDeviceProgram(access), BPF_CGROUP_DEVICE, first)
      for (const other of others) detachFromCgroup(group, other, BPF_CGROUP_DEVICE)
    } finally {
      for (const fd of present) closeSync(fd)
    }
  } finally {
    closeSync(group)
  }
}

// Nearly all containers have the same rules: verified and compiled once, then shared. The oldest is given up beyond this many.
const KEPT_PROGRAMS = 16
const loaded = new Map<string, number>()

function loadDeviceProgram(access: DeviceAccess): number {
  const instructions = encodeInstructions(deviceProgram(access))
  const key = instructions.toString('base64')
  const known = loaded.get(key)
  if (known !== undefined) return known
  const fd = loadProgram({ type: BPF_PROG_TYPE_CGROUP_DEVICE, instructions, name: 'skiff_devices' })
  const [oldest] = loaded
  if (loaded.size >= KEPT_PROGRAMS && oldest) {
    closeSync(oldest[1])
    loaded.delete(oldest[0])
  }
  loaded.set(key, fd)
  return fd
}

const allowsAll = (resources: Resources): boolean => {
  const { allowByDefault, exceptions } = deviceAccess(resources.devices ?? [])
  return allowByDefault && exceptions.length === 0
}

export const devices: ControllerModule = {
  controller: 'devices',
  asked: resources => (allowsAll(resources) ? null : 'control of devices'),
  legacy,
  unified,
}
