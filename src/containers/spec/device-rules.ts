/** `--device-cgroup-rule 'c 1:3 rwm'`. Kernel: Documentation/admin-guide/cgroup-v1/devices.rst */

import type { DeviceRule } from '../../cgroups/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'

const RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/

/** @throws InvalidParameter */
export function checkDeviceRule(text: string): DeviceRule {
  const [, type, major, minor, access] = RULE.exec(text) ?? []
  if (type === undefined || access === undefined) {
    throw new InvalidParameter(`invalid device cgroup rule format: '${text}'`)
  }
  const number = (part: string | undefined): number | null => (part === '*' ? null : Number(part))
  return { allow: true, type: type as DeviceRule['type'], major: number(major), minor: number(minor), access }
}
