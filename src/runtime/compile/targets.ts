/**
 * Places inside the container's root on which something is mounted: made if missing, and held open.
 *
 * The root is the image's, and a volume in it may be shared with a hostile neighbour that swaps folders for symlinks while we
 * look (CVE-2021-30465). So each component is opened by openat2(2) from the one before the mount is put on what was opened,
 * never on a name. The process stands in its new root already: a symlink, absolute or not, ends inside. What could still
 * lead out are the kernel's magic links (/proc/1/root with --pid=host), which RESOLVE_NO_MAGICLINKS refuses.
 *
 * Not RESOLVE_IN_ROOT: it adds nothing where / is the container's already, and it fails with EAGAIN when anything
 * on the machine is renamed or mounted while it walks a `..`; a program cannot try again.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { nodeMode, O, octal, RESOLVE } from '../../program/flags.ts'
import { inRoot } from '../../program/shell.ts'
import type { Flags, Slot, Step } from '../../program/step.ts'
import { openHow } from '../../program/syscall-structs.ts'

const HOW_BYTES = 24
const INSIDE = RESOLVE('RESOLVE_NO_MAGICLINKS')
/** For the folders on which our own furniture stands: an image whose /proc is a symlink is refused (CVE-2019-19921). */
const UNREDIRECTED = RESOLVE('RESOLVE_NO_MAGICLINKS', 'RESOLVE_NO_SYMLINKS')
/** For names in the kernel's own file systems: neither a symlink nor a mount that someone put on top is followed. */
const OWN = RESOLVE('RESOLVE_BENEATH', 'RESOLVE_NO_SYMLINKS')

const PATH = O('O_PATH', 'O_CLOEXEC')
const FOLDER = O('O_PATH', 'O_DIRECTORY', 'O_CLOEXEC')

const open = (dirfd: Slot, pathname: string, flags: Flags, resolve: Flags, into: Slot, why: string): Step => ({
  ...call.openat2({ dirfd, pathname, how: openHow(flags, resolve), size: HOW_BYTES }),
  result: into,
  why,
})

/** The components of an absolute path inside the container. @throws InvalidParameter for / itself and for `..` */
function components(target: string): string[] {
  const parts = target.split('/').filter(part => part !== '' && part !== '.')
  if (!target.startsWith('/') || parts.length === 0) throw new InvalidParameter(`invalid mount target: ${target}`)
  if (parts.includes('..')) throw new InvalidParameter(`mount target ${target} must not contain ".."`)
  return parts
}

export interface TargetOptions {
  kind: 'file' | 'folder'
  /** Refuse symlinks on the way: for the furniture that later steps rely on. */
  unredirected?: boolean
}

/** Opens a target, after making what is missing of it, and leaves it in the slot `into`. */
export function openTarget(slots: Slots, root: Slot, target: string, into: Slot, options: TargetOptions): Step[] {
  const parts = components(target)
  const resolve = options.unredirected ? UNREDIRECTED : INSIDE
  const name = parts.at(-1)!
  const steps: Step[] = []
  let folder = root
  for (const [index, part] of parts.slice(0, -1).entries()) {
    const next = folder.name === 'parent' ? slots.named('child') : slots.named('parent')
    steps.push(makeFolder(folder, part, `/${parts.slice(0, index + 1).join('/')}`, `a folder on the way to ${target}`))
    steps.push(open(folder, part, FOLDER, resolve, next, `on the way to ${target}`))
    folder = next
  }
  steps.push(
    options.kind === 'folder'
      ? makeFolder(folder, name, target, `where ${target} shall be`)
      : makeFile(folder, name, target),
  )
  steps.push(
    open(folder, name, options.kind === 'folder' ? FOLDER : PATH, resolve, into, `what ${target} is mounted on`),
  )
  return steps
}

/** `name` in the folder that is held open; `path` is where that is in the container. */
export const makeFolder = (dirfd: Slot, name: string, path: string, why: string): Step => ({
  ...call.mkdirat({ dirfd, pathname: name, mode: octal(0o755) }),
  tolerate: ['EEXIST'],
  why,
  shell: `mkdir -p -m 755 ${inRoot(path)}`,
})

// mknod, not open with O_CREAT: what is there already is left unopened, be it a FIFO, a device or a symlink.
const makeFile = (dirfd: Slot, name: string, target: string): Step => ({
  ...call.mknodat({ dirfd, pathname: name, mode: nodeMode('f', 0o644), dev: 0 }),
  tolerate: ['EEXIST'],
  why: `where ${target} shall be`,
  shell: `[ -e ${inRoot(target)} ] || (umask 022; : >${inRoot(target)})`,
})

/** Opens a name in a file system of ours. */
export const openOwn = (mount: Slot, pathname: string, flags: Flags, into: Slot, why: string): Step =>
  open(mount, pathname, flags, OWN, into, why)

/** Opens a path of the container as it is now, symlinks followed inside. */
export const openInside = (root: Slot, path: string, flags: Flags, into: Slot, why: string): Step =>
  open(root, path.replace(/^\/+/, '') || '.', flags, INSIDE, into, why)
