/**
 * Device nodes: made in the container's own /dev, or, where nodes cannot be made, bound from the host. See mknod(2). What may be
 * done with them is the cgroup's to say (src/cgroups); the node is only a name.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { call } from '../../program/calls.ts'
import { AT, device, nodeMode, O } from '../../program/flags.ts'
import { inRoot, word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import type { DeviceNode } from '../spec.ts'
import { cloneTree } from './binds.ts'
import { type ContainerContext, devIsForeign } from './context.ts'
import { attachAt } from './filesystem.ts'
import { makeFolder, openOwn, openTarget } from './targets.ts'
import { hostGid, hostUid } from './user-namespace.ts'

const character = (path: string, major: number, minor: number): DeviceNode => ({
  path,
  type: 'c',
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
})

/** In every container. Kernel: Documentation/admin-guide/devices.txt */
const STANDARD_DEVICES: readonly DeviceNode[] = [
  character('/dev/null', 1, 3),
  character('/dev/zero', 1, 5),
  character('/dev/full', 1, 7),
  character('/dev/random', 1, 8),
  character('/dev/urandom', 1, 9),
  character('/dev/tty', 5, 0),
]

/** Each path once: what the user asked for wins over the host's and the standard one. */
function nodes({ spec, facts }: ContainerContext): DeviceNode[] {
  const all = [...STANDARD_DEVICES, ...(spec.hostDevices ? facts.hostDevices() : []), ...spec.devices]
  return [...new Map(all.map(node => [node.path, node])).values()]
}

const inDev = (node: DeviceNode): boolean => node.path.startsWith('/dev/')

const treeOf = ({ slots }: ContainerContext, node: DeviceNode): Slot => slots.named(`tree ${node.path}`)

/** Where no node can be made, the host's own are opened while its /dev is there. */
export function gatherDevices(context: ContainerContext): Step[] {
  if (context.facts.canMakeNodes) return []
  return wanted(context).map(node =>
    cloneTree(node.path, treeOf(context, node), false, "without CAP_MKNOD the host's node is bound"),
  )
}

/** A user's own /dev has what it has; nodes elsewhere are made all the same. */
const wanted = (context: ContainerContext): DeviceNode[] =>
  nodes(context).filter(node => !(inDev(node) && devIsForeign(context.spec)))

/** Those in the container's own /dev. */
export function placeDevices(context: ContainerContext): Step[] {
  const folders = new Set<string>()
  return wanted(context)
    .filter(inDev)
    .flatMap(node => placeInDev(context, node, folders))
}

/** Those elsewhere: after the user's mounts, in which they may lie. */
export const placeOtherDevices = (context: ContainerContext): Step[] =>
  wanted(context)
    .filter(node => !inDev(node))
    .flatMap(node => placeElsewhere(context, node))

function placeInDev(context: ContainerContext, node: DeviceNode, made: Set<string>): Step[] {
  const dev = context.placed.get('/dev')!
  const name = node.path.slice('/dev/'.length)
  const parts = name.split('/')
  if (parts.includes('..') || parts.includes('')) throw new InvalidParameter(`invalid device path: ${node.path}`)
  const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'))
  const missing = parents.filter(parent => !made.has(parent))
  for (const parent of missing) made.add(parent)
  return [
    ...missing.map(parent => makeFolder(dev, parent, `/dev/${parent}`, `where ${node.path} shall be`)),
    ...make(context, node, dev, name),
  ]
}

function make(context: ContainerContext, node: DeviceNode, dirfd: Slot, name: string): Step[] {
  if (!context.facts.canMakeNodes) {
    const empty = { ...node, type: 'f' as const }
    return [
      { ...makeNode(empty, dirfd, name), tolerate: ['EEXIST'] },
      {
        ...attachAt(treeOf(context, node), dirfd, name, `the host's ${node.path}`),
        shell: `mount --bind ${word(node.path)} ${inRoot(node.path)}`,
      },
    ]
  }
  if (node.uid === 0 && node.gid === 0) return [makeNode(node, dirfd, name)]
  const map = context.spec.userNamespace?.map
  return [
    makeNode(node, dirfd, name),
    {
      ...call.fchownat({
        dirfd,
        pathname: name,
        owner: hostUid(map, node.uid),
        group: hostGid(map, node.gid),
        flags: AT('AT_SYMLINK_NOFOLLOW'),
      }),
      why: `${node.path} belongs to ${node.uid}:${node.gid}, as on the host`,
      shell: `chown -h ${node.uid}:${node.gid} ${inRoot(node.path)}`,
    },
  ]
}

function makeNode(
  node: Omit<DeviceNode, 'type'> & { type: DeviceNode['type'] | 'f' },
  dirfd: Slot,
  name: string,
): Step {
  const numbers = node.type === 'p' ? '' : ` ${node.major} ${node.minor}`
  return {
    ...call.mknodat({
      dirfd,
      pathname: name,
      mode: nodeMode(node.type, node.mode),
      dev: node.type === 'p' || node.type === 'f' ? 0 : device(node.major, node.minor),
    }),
    why: node.path,
    shell:
      node.type === 'f'
        ? `: >>${inRoot(node.path)}`
        : `mknod -m ${node.mode.toString(8)} ${inRoot(node.path)} ${node.type}${numbers}`,
  }
}

/** A node outside of /dev lies in the image's own folders: opened as mount targets are. */
function placeElsewhere(context: ContainerContext, node: DeviceNode): Step[] {
  const { slots, root } = context
  const slash = node.path.lastIndexOf('/')
  const name = node.path.slice(slash + 1)
  if (slash <= 0) {
    const steps = make(context, node, root, name)
    return steps.map(step => (step.call === 'mknodat' ? { ...step, tolerate: ['EEXIST'] } : step))
  }
  const folder = slots.named('target')
  const steps = [
    ...openTarget(slots, root, node.path.slice(0, slash), folder, { kind: 'folder' }),
    ...make(context, node, folder, name),
  ]
  // The image's upper folder keeps the node of an earlier start.
  return steps.map(step => (step.call === 'mknodat' ? { ...step, tolerate: ['EEXIST'] } : step))
}

/** Holds /dev/null open: masks are made of it. Only our own node will do (CVE-2025-31133: an image's symlink in its place). */
export function holdNull(context: ContainerContext): Step[] {
  const dev = context.placed.get('/dev')
  if (!dev || devIsForeign(context.spec)) return []
  return [openOwn(dev, 'null', O('O_PATH', 'O_CLOEXEC'), context.slots.named('null'), 'masks will be made of it')]
}
