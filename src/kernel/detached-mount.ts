/** Mounts that exist as a file descriptor only. See mount(2), open_tree(2), Documentation/filesystems/overlayfs.rst. */

import { check, InvalidParameter } from './errors.ts'
import { AT_EMPTY_PATH, O_CLOEXEC } from './files.ts'
import { detachedOverlay } from './native.ts'
import { PLAIN_UPPER } from './overlay-options.ts'
import { syscall } from './syscall.ts'

const PAGE_SIZE = 4096
const MS_RDONLY = 1

export interface OverlayMount {
  /** Absolute; relative names of the others are looked up from here. */
  folder: string
  /** Topmost first. Without `upper` there must be two at least. */
  lower: string[]
  /** With `work`: the overlay is writable. */
  upper?: string
  work?: string
}

/** The options of mount(2) for an overlay. @throws InvalidParameter if they exceed a page */
export function overlayOptions({ lower, upper, work }: Omit<OverlayMount, 'folder'>): string {
  const options = [`lowerdir=${lower.map(escapePath).join(':')}`]
  if (upper !== undefined && work !== undefined)
    options.push(`upperdir=${escapePath(upper)}`, `workdir=${escapePath(work)}`, PLAIN_UPPER)
  const joined = options.join(',')
  // The kernel copies one page of options and silently cuts the rest off: the lowest layers would be missing.
  if (Buffer.byteLength(joined) >= PAGE_SIZE) throw new InvalidParameter('max depth exceeded')
  return joined
}

const escapePath = (path: string): string => path.replace(/[\\:,]/g, '\\$&')

/** The root folder of an overlay that no mount table shows, as an O_PATH descriptor. It is unmounted by closing it. */
export function openDetachedOverlay(mount: OverlayMount): number {
  const options = overlayOptions(mount)
  const flags = mount.upper === undefined ? MS_RDONLY : 0
  return check('mount', detachedOverlay(mount.folder, options, flags), { type: 'overlay', options })
}

const OPEN_TREE_CLONE = 1
const AT_RECURSIVE = 0x8000

/** A second mount of what a descriptor stands for, whatever its path leads to by now. It is unmounted by closing it, unless it was attached. */
export function openDetachedTree(fd: number, { recursive }: { recursive: boolean }): number {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)
  return check('open_tree', syscall('open_tree', fd, '', flags), { fd })
}
