/** Makes files in the name of a user namespace's root: on a mount that shows such ids nobody else may. See setfsuid(2). */

import { check } from '../kernel/errors.ts'
import { type IdMap, toOutside } from '../kernel/namespaces.ts'
import { syscall } from '../kernel/syscall.ts'

const PR_SET_SECUREBITS = 28
/** Another filesystem id shall not take rights away. */
const SECBIT_NO_SETUID_FIXUP = 4

/** The ids are the calling thread's, for as long as `work` takes: for worker threads, which do one job at a time. */
export async function actingAs<T>(ids: IdMap | null, work: () => Promise<T>): Promise<T> {
  if (ids === null) return work()
  check('prctl', syscall('prctl', PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), { option: 'PR_SET_SECUREBITS' })
  become(toOutside(ids.uids, 0) ?? 0, toOutside(ids.gids, 0) ?? 0)
  try {
    return await work()
  } finally {
    become(0, 0)
  }
}

/** Neither call tells of a failure, and with CAP_SETUID there is none. */
function become(uid: number, gid: number): void {
  syscall('setfsgid', gid)
  syscall('setfsuid', uid)
}
