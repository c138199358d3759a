/**
 * Bind mounts: opened on the host as detached trees while the host is there, attached inside the root when no path can lead
 * out of it any more. See open_tree(2), mount_setattr(2).
 */

import { dirname } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { AT_FDCWD, OPEN_TREE } from '../../program/flags.ts'
import { inRoot, word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import type { MountSpec } from '../spec.ts'
import type { ContainerContext, HostFacts } from './context.ts'
import { attach } from './filesystem.ts'
import { parseMountOptions } from './mount-options.ts'
import { isRecursive, propagationFlag, setAttributes } from './root.ts'
import { openTarget } from './targets.ts'
import { mapTree } from './user-namespace.ts'

export type BindSpec = MountSpec & { kind: 'bind' }

/** The files below /proc that may be covered: they tell of the machine and are replaced to tell of the container (lxcfs). */
const MAY_COVER_IN_PROC = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/slabinfo',
  '/proc/net/dev',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/crypto/fips_enabled',
])

const treeOf = ({ slots }: ContainerContext, bind: BindSpec): Slot =>
  passTree(slots, bind) ?? slots.named(`tree ${bind.target}`)

/** The slot of a tree that the daemon has opened. */
export const passTree = (slots: Slots, { tree, target }: BindSpec): Slot | null =>
  tree === undefined ? null : slots.passed(tree, `tree ${target}`)

/** Opens a tree of the host and gives it the attributes that it shall have inside. */
export function gatherBind(context: ContainerContext, bind: BindSpec): Step[] {
  const tree = treeOf(context, bind)
  const why = `${bind.source} of the host, as a tree of its own`
  const open = bind.tree === undefined ? [cloneTree(bind.source, tree, bind.recursive, why)] : []
  const mapped = bind.idmapped ? mapTree(context, tree, "a volume's files have the ids that they have inside") : []
  return about(bind, [...open, ...mapped, ...dress(bind, tree)])
}

const about = ({ source, target }: BindSpec, steps: readonly Step[]): Step[] =>
  steps.map(step => ({ ...step, subject: `error mounting "${source}" to rootfs at "${target}"` }))

/** Detached: nothing of it is in a mount table, and nothing on the way to it is looked at again. */
export const cloneTree = (source: string, into: Slot, recursive: boolean, why: string): Step => ({
  ...call.open_tree({
    dfd: AT_FDCWD,
    filename: source,
    flags: recursive
      ? OPEN_TREE('OPEN_TREE_CLONE', 'AT_RECURSIVE', 'OPEN_TREE_CLOEXEC')
      : OPEN_TREE('OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'),
  }),
  result: into,
  why,
})

function dress(bind: BindSpec, tree: Slot): Step[] {
  const { readonly, recursive, readonlyNonRecursive = false, propagation, options = [] } = bind
  const { attributes } = parseMountOptions(readonly ? [...options, 'ro'] : options)
  const steps: Step[] = [
    {
      ...setAttributes(tree, { propagation: propagationFlag(propagation) }, isRecursive(propagation)),
      why: propagation.endsWith('private')
        ? "unhook it from the host's: mounts do not travel in either direction"
        : `mounts travel ${propagation.endsWith('slave') ? 'from the host into the container' : 'in both directions'}`,
    },
  ]
  if (attributes.value !== 0) {
    steps.push({
      ...setAttributes(tree, { set: attributes }, recursive && !readonlyNonRecursive),
      why: readonly
        ? `read-only before it is anywhere, ${readonlyNonRecursive ? 'without what' : 'with all that'} is mounted below`
        : 'what the mount was asked to have',
    })
  }
  return steps
}

export function attachBind(context: ContainerContext, bind: BindSpec): Step[] {
  const { slots, facts, root, placed } = context
  const target = slots.named('target')
  const tree = treeOf(context, bind)
  placed.set(bind.target, tree)
  const found = bind.tree === undefined ? facts.kindOf(bind.source) : (bind.sourceKind ?? 'folder')
  const kind = found === 'missing' ? (bind.sourceKind ?? 'folder') : found
  const steps: Step[] = [
    ...openTarget(slots, root, bind.target, target, { kind }),
    {
      ...attach(tree, target, `${bind.source} of the host`),
      shell: [...(found === 'missing' ? [shellSource(bind.source, kind)] : []), shellBind(bind)].join('\n'),
    },
  ]
  return about(bind, steps)
}

/** What open_tree, mount_setattr and move_mount do, with a moment in between in which the mount is not yet as it shall be. */
function shellBind({ source, target, readonly, recursive, propagation, options = [] }: BindSpec): string {
  const place = inRoot(target)
  const attributes = [...options, ...(readonly ? ['ro'] : [])]
  return [
    `mount --${recursive ? 'r' : ''}bind ${word(source)} ${place}`,
    `mount --make-${propagation} ${place}`,
    ...(attributes.length > 0 ? [`mount -o ${word(['remount', 'bind', ...attributes].join(','))} ${place}`] : []),
  ].join('\n')
}

/** Of a container that has not been started: the daemon's own files are not written yet. */
const shellSource = (source: string, kind: 'file' | 'folder'): string =>
  kind === 'folder' ? `mkdir -p ${word(source)}` : `mkdir -p ${word(dirname(source))}\n: >>${word(source)}`

/**
 * Nothing stands in for /proc, or for what is in it: what is written there later would go somewhere else, or nowhere
 * (CVE-2019-16884, CVE-2025-52881). @throws InvalidParameter
 */
export function checkTarget(facts: HostFacts, mount: MountSpec): void {
  const { target } = mount
  const refusal = `error mounting "${mount.kind === 'tmpfs' ? 'tmpfs' : mount.source}" to rootfs at "${target}": "${target}" cannot be mounted because it is`
  const isProc =
    mount.kind === 'bind' ? facts.isProc(mount.source) : mount.kind === 'filesystem' && mount.fstype === 'proc'
  if (target === '/proc' && !isProc) throw new InvalidParameter(`${refusal} not of type proc`)
  const mayCover = mount.kind === 'bind' && MAY_COVER_IN_PROC.has(target)
  if (target.startsWith('/proc/') && !mayCover) throw new InvalidParameter(`${refusal} inside /proc`)
}
