/** The /dev/shm of another container (--ipc container:NAME), which exists in its mount namespace alone. See setns(2). */

import { call } from '../../program/calls.ts'
import { AT_FDCWD, CLONE, O, OPEN_TREE } from '../../program/flags.ts'
import type { Step } from '../../program/step.ts'
import { type ContainerContext, devIsForeign, isReplaced } from './context.ts'

/** A detour: only from inside a mount namespace can a tree of it be cloned. The clone is detached and comes back with us. */
export function gatherShmOf({ spec, slots }: ContainerContext): Step[] {
  if (spec.shmOf === null || isReplaced(spec, '/dev/shm') || devIsForeign(spec)) return []
  const owner = slots.passed(spec.shmOf, 'shm_owner')
  const own = slots.named('own_mounts')
  return [
    {
      ...call.openat({ dirfd: AT_FDCWD, pathname: '/proc/self/ns/mnt', flags: O('O_RDONLY', 'O_CLOEXEC') }),
      result: own,
      why: 'the way back',
    },
    { ...call.setns({ fd: owner, nstype: CLONE('CLONE_NEWNS') }), why: "into the other container's mounts" },
    {
      ...call.open_tree({
        dfd: AT_FDCWD,
        filename: '/dev/shm',
        flags: OPEN_TREE('OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_SYMLINK_NOFOLLOW'),
      }),
      result: slots.named('shm'),
      why: "shared memory goes with the IPC namespace: it is the other container's",
    },
    { ...call.setns({ fd: own, nstype: CLONE('CLONE_NEWNS') }), why: 'and back' },
  ]
}
