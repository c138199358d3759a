/** memfd_create(2): a file without a name; sealed, so that nobody can change it any more. */

import { closeSync, writeSync } from 'node:fs'
import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
/** Since Linux 6.3; without it vm.memfd_noexec decides. */
const MFD_EXEC = 0x10
const F_ADD_SEALS = 1033
const F_SEAL_SEAL = 1
const F_SEAL_SHRINK = 2
const F_SEAL_GROW = 4
const F_SEAL_WRITE = 8
const EINVAL = 22

/** A descriptor of a file that holds `bytes`, for ever; close-on-exec. `name` is what /proc/PID/fd shows. */
export function sealedMemfd(name: string, bytes: Uint8Array, { executable = false } = {}): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
  let fd = syscall('memfd_create', name, executable ? flags | MFD_EXEC : flags)
  if (fd === -EINVAL && executable) fd = syscall('memfd_create', name, flags)
  check('memfd_create', fd, { name })
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written)
    const seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
    check('fcntl', syscall('fcntl', fd, F_ADD_SEALS, seals), { command: 'F_ADD_SEALS' })
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}
