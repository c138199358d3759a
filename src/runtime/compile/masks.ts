/**
 * Paths of /proc and /sys that tell of the machine, or change it: covered, or made read-only. CVE-2025-31133, CVE-2025-52565
 * and CVE-2025-52881 turned such mounts elsewhere by replacing paths; here a path is a name inside our own procfs or
 * sysfs, held open by descriptor since it was made, and the cover is our own node or a fresh tmpfs.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { call } from '../../program/calls.ts'
import { MOUNT_ATTR, O, OPEN_TREE } from '../../program/flags.ts'
import { inRoot } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import { cloneTree } from './binds.ts'
import type { ContainerContext } from './context.ts'
import { attach, makeFilesystem } from './filesystem.ts'
import { setAttributes } from './root.ts'
import { openInside, openOwn } from './targets.ts'

const PATH = O('O_PATH', 'O_CLOEXEC')

interface Place {
  /** Holds the mount or, for a path of the image, the root. */
  base: Slot
  /** Below it; empty: the mount itself. */
  name: string
  /** /proc or /sys: the host's tells whether a name is a file or a folder, and is the same in every such mount. */
  kernels: boolean
}

function placeOf({ placed, root }: ContainerContext, path: string): Place {
  for (const mount of ['/proc', '/sys']) {
    const base = placed.get(mount)
    if (base && (path === mount || path.startsWith(`${mount}/`))) {
      return { base, name: path.slice(mount.length + 1), kernels: true }
    }
  }
  return { base: root, name: path.replace(/^\/+/, ''), kernels: false }
}

/** The path as the compiler asks for it. @throws InvalidParameter */
export const cleanPath = (path: string): string => {
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  if (!path.startsWith('/') || parts.includes('..'))
    throw new InvalidParameter(`invalid masked or read-only path: ${path}`)
  return `/${parts.join('/')}`
}

/** The tree of a file mask that must come from the host, since the container's /dev is its user's. */
const hostNull = ({ slots }: ContainerContext, path: string): Slot => slots.named(`null for ${path}`)

const usesHostNull = (context: ContainerContext): boolean =>
  context.spec.mounts.some(mount => mount.target === '/dev' && mount.kind === 'bind')

export function gatherMasks(context: ContainerContext): Step[] {
  if (!usesHostNull(context)) return []
  const isFolder = (path: string): boolean => /^\/(proc|sys)\//.test(path) && context.facts.kindOf(path) === 'folder'
  const paths = context.spec.maskedPaths.map(cleanPath).filter(path => !isFolder(path))
  return paths.map(path => cloneTree('/dev/null', hostNull(context, path), false, `to cover ${path}`))
}

export const maskPaths = (context: ContainerContext): Step[] =>
  context.spec.maskedPaths.map(cleanPath).flatMap(path => maskPath(context, path))

function maskPath(context: ContainerContext, path: string): Step[] {
  const place = placeOf(context, path)
  const { slots, facts } = context
  const target = slots.named('target')
  if (place.kernels) {
    const kind = facts.kindOf(path)
    if (kind === 'missing') return []
    const open = openOwn(place.base, place.name, PATH, target, path)
    return [open, ...(kind === 'folder' ? coverFolder(context, target, path) : coverFile(context, target, path))]
  }
  // What the image has there is not known: both covers are tried, and the one of the wrong kind does not fit.
  const cover = [...coverFile(context, target, path), ...coverFolder(context, target, path)]
  return [
    { ...openInside(place.base, path, PATH, target, path), tolerate: ['ENOENT', 'ENOTDIR'] },
    ...cover.map(step => (step.call === 'move_mount' ? { ...step, tolerate: ['EINVAL', 'ENOTDIR', 'EBADF'] } : step)),
  ]
}

function coverFile(context: ContainerContext, target: Slot, path: string): Step[] {
  const { slots } = context
  if (usesHostNull(context)) return [attach(hostNull(context, path), target, `reads as empty: ${path}`)]
  const cover = slots.named('cover')
  return [
    {
      ...call.open_tree({
        dfd: slots.named('null'),
        filename: '',
        flags: OPEN_TREE('OPEN_TREE_CLONE', 'AT_EMPTY_PATH', 'OPEN_TREE_CLOEXEC'),
      }),
      result: cover,
      why: "the container's own /dev/null as a cover",
    },
    {
      ...attach(cover, target, `reads as empty: ${path}`),
      shell: `mount --bind ${inRoot('/dev/null')} ${inRoot(path)}`,
    },
  ]
}

function coverFolder({ slots }: ContainerContext, target: Slot, path: string): Step[] {
  const cover = slots.named('cover')
  const filesystem = {
    fstype: 'tmpfs',
    source: 'tmpfs',
    options: [['ro']] as const,
    attributes: MOUNT_ATTR('MOUNT_ATTR_RDONLY'),
  }
  return [
    ...makeFilesystem(slots, cover, filesystem, 'an empty folder that stays empty'),
    { ...attach(cover, target, `looks empty: ${path}`), shell: `mount -t tmpfs -o ro tmpfs ${inRoot(path)}` },
  ]
}

export const protectPaths = (context: ContainerContext): Step[] =>
  context.spec.readonlyPaths.map(cleanPath).flatMap(path => protectPath(context, path))

/** The same folder once more on top of itself, read-only. */
function protectPath(context: ContainerContext, path: string): Step[] {
  const place = placeOf(context, path)
  const { slots, facts } = context
  if (place.kernels && facts.kindOf(path) === 'missing') return []
  const target = slots.named('target')
  const tree = slots.named('cover')
  const steps: Step[] = [
    place.kernels
      ? openOwn(place.base, place.name, PATH, target, path)
      : { ...openInside(place.base, path, PATH, target, path), tolerate: ['ENOENT', 'ENOTDIR'] },
    {
      ...call.open_tree({
        dfd: target,
        filename: '',
        flags: OPEN_TREE('OPEN_TREE_CLONE', 'AT_EMPTY_PATH', 'AT_RECURSIVE', 'OPEN_TREE_CLOEXEC'),
      }),
      result: tree,
      why: 'a second mount of the same',
    },
    { ...setAttributes(tree, { set: MOUNT_ATTR('MOUNT_ATTR_RDONLY') }, false), why: 'read-only before it is in place' },
    {
      ...attach(tree, target, `to be read, not to be written: ${path}`),
      shell: `mount --rbind ${inRoot(path)} ${inRoot(path)}\nmount -o remount,bind,ro ${inRoot(path)}`,
    },
  ]
  // A path of the image that is not there: the three steps have no descriptor to work on.
  return place.kernels ? steps : steps.map(step => (step.call === 'openat2' ? step : { ...step, tolerate: ['EBADF'] }))
}
