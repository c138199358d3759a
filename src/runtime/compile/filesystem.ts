/**
 * Mounts of kernel file systems, made detached: nobody can see or disturb them before they are put into place, and later steps
 * work inside them by descriptor, whatever the image has at that path. See fsopen(2), fsmount(2), move_mount(2).
 */

import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { FSCONFIG, FSMOUNT, FSOPEN, MOVE_MOUNT } from '../../program/flags.ts'
import type { Flags, Slot, Step } from '../../program/step.ts'

export interface Filesystem {
  fstype: string
  /** What /proc/mounts shows as its source. */
  source: string
  /** A key alone is a flag. */
  options?: readonly (readonly [key: string, value?: string])[]
  attributes: Flags
}

/** Leaves the mount's root in the slot `into`. */
export function makeFilesystem(
  slots: Slots,
  into: Slot,
  { fstype, source, options = [], attributes }: Filesystem,
  why: string,
): Step[] {
  const fs_fd = slots.named('fs')
  return [
    { ...call.fsopen({ fs_name: fstype, flags: FSOPEN('FSOPEN_CLOEXEC') }), result: fs_fd, why },
    {
      ...call.fsconfig({ fs_fd, cmd: FSCONFIG('FSCONFIG_SET_STRING'), key: 'source', value: source, aux: 0 }),
      why: 'the name that /proc/mounts shows',
    },
    ...options.map(
      ([key, value]): Step => ({
        ...(value === undefined
          ? call.fsconfig({ fs_fd, cmd: FSCONFIG('FSCONFIG_SET_FLAG'), key, value: null, aux: 0 })
          : call.fsconfig({ fs_fd, cmd: FSCONFIG('FSCONFIG_SET_STRING'), key, value, aux: 0 })),
        why: `option ${value === undefined ? key : `${key}=${value}`}`,
      }),
    ),
    {
      ...call.fsconfig({ fs_fd, cmd: FSCONFIG('FSCONFIG_CMD_CREATE'), key: null, value: null, aux: 0 }),
      why: `make the ${fstype}`,
    },
    {
      ...call.fsmount({ fs_fd, flags: FSMOUNT('FSMOUNT_CLOEXEC'), attr_flags: attributes }),
      result: into,
      why: 'a mount that is in no tree yet',
    },
  ]
}

/** Puts a detached mount onto what `target` holds open. */
export const attach = (mount: Slot, target: Slot, why: string): Step => ({
  ...call.move_mount({
    from_dfd: mount,
    from_pathname: '',
    to_dfd: target,
    to_pathname: '',
    flags: MOVE_MOUNT('MOVE_MOUNT_F_EMPTY_PATH', 'MOVE_MOUNT_T_EMPTY_PATH'),
  }),
  why,
})

/** Puts a detached mount onto a name inside a mount of ours. */
export const attachAt = (mount: Slot, folder: Slot, name: string, why: string): Step => ({
  ...call.move_mount({
    from_dfd: mount,
    from_pathname: '',
    to_dfd: folder,
    to_pathname: name,
    flags: MOVE_MOUNT('MOVE_MOUNT_F_EMPTY_PATH'),
  }),
  why,
})
