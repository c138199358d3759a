/** A process that cannot be mistaken for another: pidfd_open(2), pidfd_send_signal(2), waitid(2). */

import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const P_PID = 1
const WNOHANG = 1
const WEXITED = 4
const ESRCH = 3
const ECHILD = 10
/** sizeof(siginfo_t); si_pid stays 0 when there is nothing to report. */
const SIGINFO_BYTES = 128
const SIGINFO_PID_OFFSET = 16

/** A descriptor of the process; close-on-exec. @throws KernelError ESRCH: there is no such process. */
export const openPidfd = (pid: number): number => check('pidfd_open', syscall('pidfd_open', pid, 0), { pid })

/** False: the process has ended. */
export function pidfdSendSignal(pidfd: number, signal: number): boolean {
  const result = syscall('pidfd_send_signal', pidfd, signal, null, 0)
  if (result === -ESRCH) return false
  check('pidfd_send_signal', result, { pidfd, signal })
  return true
}

/** Whether the process exists and was not reaped yet. */
export const pidfdIsAlive = (pidfd: number): boolean => pidfdSendSignal(pidfd, 0)

/**
 * Reaps one child of ours, if it has ended; never any other, of which libuv may be the parent. True: it is gone, or was not
 * our child (a daemon before us started it).
 */
export function reapChild(pid: number): boolean {
  const info = Buffer.alloc(SIGINFO_BYTES)
  const result = syscall('waitid', P_PID, pid, info, WEXITED | WNOHANG, null)
  if (result === -ECHILD) return true
  check('waitid', result, { pid })
  return info.readInt32LE(SIGINFO_PID_OFFSET) === pid
}
