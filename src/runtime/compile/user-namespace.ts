/**
 * A container whose root is nobody on the host: user_namespaces(7), `userns-remap`. Its file systems are made by the host's root,
 * who alone may, but in the name of the container's: by the filesystem ids, which decide whose a new file is. Layers keep
 * the ids of their image on disk, and are shown with others by idmapped mounts (mount_setattr(2), "ID-mapped mounts"): nothing is
 * copied or chowned, and what is remapped today can be the host's tomorrow. The namespace is entered last.
 */

import { dirname } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'
import { type IdMap, type IdRange, toOutside } from '../../kernel/namespaces.ts'
import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { AT_FDCWD, CLONE, MOUNT_ATTR, MOVE_MOUNT, O, OPEN_TREE, PR, SECBIT } from '../../program/flags.ts'
import { word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { Namespaces, UserNamespace } from '../spec.ts'
import type { ContainerContext } from './context.ts'
import { setAttributes } from './root.ts'

/** The host's id for one of the container. @throws InvalidParameter */
function outside(ranges: readonly IdRange[], id: number, what: 'user' | 'group'): number {
  const found = toOutside(ranges, id)
  if (found === undefined)
    throw new InvalidParameter(`${what} ${id} has no id on the host: it is beyond the range of userns-remap`)
  return found
}

export const hostUid = (map: IdMap | undefined, uid: number): number => (map ? outside(map.uids, uid, 'user') : uid)
export const hostGid = (map: IdMap | undefined, gid: number): number => (map ? outside(map.gids, gid, 'group') : gid)

/** What is made from here on belongs to the container's root, while this process keeps the rights of the host's. */
export function actAsContainersRoot(map: IdMap | undefined): Step[] {
  if (map === undefined) return []
  return [
    {
      ...call.prctl({ op: PR('PR_SET_SECUREBITS'), arg2: SECBIT('SECBIT_NO_SETUID_FIXUP') }),
      why: 'another filesystem id shall not take rights away',
      man: 'capabilities(7)',
    },
    {
      ...call.setfsgid({ fsgid: hostGid(map, 0) }),
      why: "files made from here on are the group's that the container calls 0",
    },
    { ...call.setfsuid({ fsuid: hostUid(map, 0) }), why: "… and belong to the container's root" },
  ]
}

/** Slots of descriptors that the daemon passes are asked for first of all. */
export const passUserNamespace = (slots: Slots, userns: UserNamespace | undefined): Slot | null =>
  userns === undefined ? null : slots.passed(userns.fd, 'userns')

const usernsOf = ({ slots, spec }: ContainerContext): Slot | null => passUserNamespace(slots, spec.userNamespace)

/** Shows the files of a detached tree with the ids that they have inside. Before it is attached: afterwards it cannot be changed. */
export function mapTree(context: ContainerContext, tree: Slot, why: string): Step[] {
  const userns = usernsOf(context)
  if (userns === null) return []
  return [{ ...setAttributes(tree, { set: MOUNT_ATTR('MOUNT_ATTR_IDMAP'), userns }, false), why }]
}

/**
 * Covers the folders that an overlay is made of with idmapped mounts of themselves, in this mount namespace alone: overlay takes over
 * the mapping of the mounts that its layers are found in (since Linux 5.19).
 */
export function mapLayers(context: ContainerContext, { layersDir, upper }: RootMount & { kind: 'overlay' }): Step[] {
  if (usernsOf(context) === null) return []
  return [layersDir, dirname(upper)].flatMap(folder => coverMapped(context, folder))
}

function coverMapped(context: ContainerContext, folder: string): Step[] {
  const tree = context.slots.named('mapped')
  return [
    {
      ...call.open_tree({ dfd: AT_FDCWD, filename: folder, flags: OPEN_TREE('OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC') }),
      result: tree,
      why: 'the same folder once more',
    },
    ...mapTree(context, tree, "its files' ids on disk are those inside: nothing is copied or chowned for it"),
    {
      ...call.move_mount({
        from_dfd: tree,
        from_pathname: '',
        to_dfd: AT_FDCWD,
        to_pathname: folder,
        flags: MOVE_MOUNT('MOVE_MOUNT_F_EMPTY_PATH'),
      }),
      why: 'overlay finds it here',
      shell: `mount --bind -o X-mount.idmap=${shellMap(context)} ${word(folder)} ${word(folder)}`,
    },
  ]
}

/** As mount(8) writes it: on disk, on the host, how many. */
function shellMap({ spec }: ContainerContext): string {
  const { uids, gids } = spec.userNamespace!.map
  const list = (kind: string, ranges: readonly IdRange[]): string[] =>
    ranges.map(({ inside, outside, count }) => `${kind}:${inside}:${outside}:${count}`)
  return word([...list('u', uids), ...list('g', gids)].join(' '))
}

/** Into the user namespace, and into new ones of those kinds that its root is to rule: what is mounted is locked by that. */
export function enterUserNamespace(root: Slot, userns: Slot | null, namespaces: Namespaces | null): Step[] {
  if (userns === null) return []
  const enter: Step = {
    ...call.setns({ fd: userns, nstype: CLONE('CLONE_NEWUSER') }),
    why: 'from here on this process is nobody on the host',
  }
  if (namespaces === null) return [enter]
  const { uts, cgroup } = namespaces
  const kinds = [
    ...(uts.kind === 'new' ? (['CLONE_NEWUTS'] as const) : []),
    ...(cgroup.kind === 'new' ? (['CLONE_NEWCGROUP'] as const) : []),
  ]
  return [
    enter,
    {
      ...call.unshare({ flags: CLONE('CLONE_NEWNS', ...kinds) }),
      why: 'copies that belong to the user namespace: its root may mount more, and cannot unmount what is here',
    },
    {
      ...call.openat({ dirfd: AT_FDCWD, pathname: '/', flags: O('O_PATH', 'O_DIRECTORY', 'O_CLOEXEC') }),
      result: root,
      why: "the container's root in the copy",
    },
  ]
}
