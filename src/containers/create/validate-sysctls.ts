/**
 * Kernel parameters that a container may have: those of its own namespaces, and no other, since the file would be the host's. The rules and
 * words are runc's; namespaces(7) says which parameters are a namespace's.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { HostConfig } from '../types.ts'

const OF_IPC = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shm_rmid_forced', 'shmall', 'shmmax', 'shmmni'].map(name => `kernel.${name}`),
)

/** @throws InvalidParameter */
export function validateSysctls({ sysctls, networkMode, ipcMode, utsMode }: HostConfig): void {
  for (const given of Object.keys(sysctls)) {
    // sysctl(8) takes both; a slash first means that dots belong to names.
    const key = /^[^./]*\//.test(given) ? given.replaceAll('/', '.') : given
    if (OF_IPC.has(key) || key.startsWith('fs.mqueue.')) {
      if (ipcMode === 'host') throw new InvalidParameter(`sysctl "${given}" is not allowed in the hosts ipc namespace`)
    } else if (key.startsWith('net.')) {
      if (networkMode === 'host') throw new InvalidParameter(`sysctl "${given}" not allowed in host network namespace`)
    } else if (key === 'kernel.domainname') {
      if (utsMode === 'host') throw new InvalidParameter(`sysctl "${given}" is not allowed in the hosts UTS namespace`)
    } else if (key === 'kernel.hostname')
      throw new InvalidParameter(`sysctl "${given}" is not allowed as it conflicts with the OCI "hostname" field`)
    else throw new InvalidParameter(`sysctl "${given}" is not in a separate kernel namespace`)
  }
}
