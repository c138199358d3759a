/** What the interfaces of a process's network namespace have counted. */

import { closeSync } from 'node:fs'
import { openNetworkNamespace } from '../kernel/namespaces.ts'
import { listLinks } from '../netlink/link.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import type { InterfaceCounters } from './types.ts'

/** By interface name; loopback is nobody's traffic. @throws KernelError ENOENT if there is no such process */
export function countersOf(pid: number): Record<string, InterfaceCounters> {
  const netns = openNetworkNamespace(pid)
  try {
    using guest = NetlinkSocket.openIn(netns)
    const links = listLinks(guest).filter(link => link.name !== 'lo')
    return Object.fromEntries(links.map(link => [link.name, link.counters]))
  } finally {
    closeSync(netns)
  }
}
