/** `--device` and `--device-cgroup-rule`: the nodes to be made, and the rules that let them be used. */

import { ALLOW_ALL_DEVICES, DEFAULT_DEVICE_RULES } from '../../cgroups/device-rules.ts'
import type { DeviceRule } from '../../cgroups/types.ts'
import { devicesFor } from '../../runtime/devices.ts'
import type { DeviceNode } from '../../runtime/spec.ts'
import type { DeviceMapping, HostConfig } from '../types.ts'
import { checkDeviceRule } from './device-rules.ts'

export interface ChosenDevices {
  nodes: DeviceNode[]
  rules: DeviceRule[]
}

/** @throws InvalidParameter for a path that is no device */
export async function chooseDevices({
  devices,
  deviceCgroupRules,
  privileged,
}: Pick<HostConfig, 'devices' | 'deviceCgroupRules' | 'privileged'>): Promise<ChosenDevices> {
  const mapped = (await Promise.all(devices.map(mapping))).flat()
  const nodes = mapped.map(({ node }) => node)
  // Privileged containers have every node and may use it; a mapping can still give one a further name.
  if (privileged) return { nodes, rules: [ALLOW_ALL_DEVICES] }
  const own = mapped.map(({ rule }) => rule)
  return { nodes, rules: [...DEFAULT_DEVICE_RULES, ...own, ...deviceCgroupRules.map(checkDeviceRule)] }
}

async function mapping(device: DeviceMapping): Promise<{ node: DeviceNode; rule: DeviceRule }[]> {
  const { pathOnHost, pathInContainer, cgroupPermissions } = device
  const nodes = await devicesFor(pathOnHost, pathInContainer || pathOnHost)
  // A fifo is no device: nothing guards it.
  return nodes.flatMap(node =>
    node.type === 'p' ? [] : [{ node, rule: ruleFor(node.type, node, cgroupPermissions || 'rwm') }],
  )
}

const ruleFor = (type: 'c' | 'b', { major, minor }: DeviceNode, access: string): DeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access,
})
