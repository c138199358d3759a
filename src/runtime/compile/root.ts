/** The container's root: mounted, entered, and the host's left behind. See pivot_root(2), Documentation/filesystems/overlayfs.rst. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { PLAIN_UPPER } from '../../kernel/overlay-options.ts'
import { call } from '../../program/calls.ts'
import { AT, AT_FDCWD, MNT, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE } from '../../program/flags.ts'
import { ROOT, word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import { mountAttr } from '../../program/syscall-structs.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { Propagation } from '../spec.ts'
import type { ContainerContext } from './context.ts'
import { mapLayers, mapTree } from './user-namespace.ts'

const PAGE_BYTES = 4096
const MOUNT_ATTR_BYTES = 32

export const makePrivate = (): Step => ({
  ...call.mount({
    source: null,
    target: '/',
    filesystemtype: null,
    mountflags: MS('MS_REC', 'MS_PRIVATE'),
    data: null,
  }),
  why: 'nothing that is mounted from here on shows on the host',
  shell: 'mount --make-rprivate /',
})

/** Layers are named relative to their folder: mount(2) takes one page of options. */
export const overlayOptions = ({ lower, upper, work }: RootMount & { kind: 'overlay' }): string =>
  `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},${PLAIN_UPPER}`

/** Mounts the root on its mount point, which only this mount namespace sees. */
export function mountRoot(context: ContainerContext): Step[] {
  const { spec, slots } = context
  if (spec.root.kind === 'plain') {
    const tree = slots.named('root')
    return [
      {
        ...call.open_tree({
          dfd: AT_FDCWD,
          filename: spec.root.path,
          flags: OPEN_TREE('OPEN_TREE_CLONE', 'AT_RECURSIVE', 'OPEN_TREE_CLOEXEC'),
        }),
        result: tree,
        why: "the folder that is to be the container's root",
      },
      ...mapTree(context, tree, 'the ids of its files are those inside'),
      {
        ...call.move_mount({
          from_dfd: tree,
          from_pathname: '',
          to_dfd: AT_FDCWD,
          to_pathname: spec.rootMountPoint,
          flags: MOVE_MOUNT('MOVE_MOUNT_F_EMPTY_PATH'),
        }),
        why: 'pivot_root takes nothing but a mount',
        shell: `mount --rbind ${word(spec.root.path)} ${ROOT}`,
      },
    ]
  }
  const { layersDir, lower } = spec.root
  const data = overlayOptions(spec.root)
  // mount(2) copies one page and cuts off the rest: the deepest layer would be missing, and nobody would be told.
  if (Buffer.byteLength(data) >= PAGE_BYTES) {
    throw new InvalidParameter(
      `the image has too many layers (${lower.length}): their names do not fit into one page of mount options`,
    )
  }
  return [
    ...mapLayers(context, spec.root),
    {
      ...call.chdir({ path: layersDir }),
      why: "layers are named from here: 120 of them fit into mount's one page of options",
    },
    {
      ...call.mount({ source: 'overlay', target: spec.rootMountPoint, filesystemtype: 'overlay', mountflags: 0, data }),
      why: `one tree of ${lower.length === 1 ? 'a layer' : `${lower.length} layers`} that only reads, and a folder that takes what is written`,
      shell: `cd ${word(layersDir)}\nmkdir -p ${word(spec.root.upper)} ${word(spec.root.work)}\nmount -t overlay -o ${word(data)} overlay ${ROOT}\ncd /`,
    },
  ]
}

/** Swaps the host's root for the container's; leaves nothing of the host reachable by path. */
export function enterRoot({ spec, root }: ContainerContext): Step[] {
  return [
    { ...call.chdir({ path: spec.rootMountPoint }), why: 'pivot_root acts on paths: stand in the new root' },
    {
      ...call.pivot_root({ new_root: '.', put_old: '.' }),
      why: 'the old root lands on top of the new one: no folder inside the image is needed for it',
    },
    { ...call.umount2({ target: '.', flags: MNT('MNT_DETACH') }), why: 'from here no path leads back to the host' },
    { ...call.chdir({ path: '/' }), why: 'leave the detached mount' },
    {
      ...call.openat({ dirfd: AT_FDCWD, pathname: '/', flags: O('O_PATH', 'O_DIRECTORY', 'O_CLOEXEC') }),
      result: root,
      why: "the container's root, held open: what follows is mounted inside of it",
    },
  ]
}

const PROPAGATION = { private: 'MS_PRIVATE', slave: 'MS_SLAVE', shared: 'MS_SHARED' } as const

export const isRecursive = (propagation: Propagation): boolean => propagation.startsWith('r')
export const propagationFlag = (propagation: Propagation) =>
  MS(PROPAGATION[propagation.replace(/^r/, '') as keyof typeof PROPAGATION])

/** Changes of the root that must wait until everything stands in it. */
export function finishRoot({ spec, root }: ContainerContext): Step[] {
  const steps: Step[] = []
  if (spec.rootReadonly) {
    steps.push({
      ...setAttributes(root, { set: MOUNT_ATTR('MOUNT_ATTR_RDONLY') }, false),
      why: 'a read-only root: the last moment, since mount targets were made in it',
      shell: `mount -o remount,bind,ro ${ROOT}`,
    })
  }
  if (spec.rootPropagation !== 'private' && spec.rootPropagation !== 'rprivate') {
    steps.push({
      ...setAttributes(root, { propagation: propagationFlag(spec.rootPropagation) }, isRecursive(spec.rootPropagation)),
      why: 'mounts that appear in a shared volume shall be seen by mount namespaces made in the container',
      shell: `mount --make-${spec.rootPropagation} ${ROOT}`,
    })
  }
  return steps
}

/** mount_setattr(2) on a mount that is held open. */
export const setAttributes = (mount: Slot, change: Parameters<typeof mountAttr>[0], recursive: boolean) =>
  call.mount_setattr({
    dfd: mount,
    path: '',
    flags: recursive ? AT('AT_EMPTY_PATH', 'AT_RECURSIVE') : AT('AT_EMPTY_PATH'),
    uattr: mountAttr(change),
    usize: MOUNT_ATTR_BYTES,
  })
