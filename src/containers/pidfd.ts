/** The first process of a container by a descriptor that means no other, ever. See pidfd_open(2), proc_pid_stat(5). */

import { readFileSync } from 'node:fs'
import { hasCode } from '../kernel/errors.ts'
import { close } from '../kernel/files.ts'
import { openPidfd } from '../kernel/pidfd.ts'
import type { LiveProcess } from './live.ts'

/** null: the process has ended. */
export function pidfdOf(process: LiveProcess): number | null {
  if (process.pidfd !== null) return process.pidfd
  const { pid, startTicks } = process.handle.started
  try {
    const pidfd = openPidfd(pid)
    // Between the end of the process and our hearing of it, its number may become a stranger's: their starts differ.
    if (startTicksOf(pid) === startTicks) {
      process.pidfd = pidfd
      return pidfd
    }
    close(pidfd)
    return null
  } catch (error) {
    if (hasCode(error, 'ESRCH', 'ENOENT')) return null
    throw error
  }
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and brackets. */
export function startTicksOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

export function closePidfd(process: Pick<LiveProcess, 'pidfd'>): void {
  if (process.pidfd !== null) close(process.pidfd)
  process.pidfd = null
}
