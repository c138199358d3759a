/**
 * Flows that the kernel remembers (conntrack) and that lead to where nobody is any more. TCP notices by itself; UDP has no end, and
 * a client that goes on sending keeps its flow alive for ever: it would not see that a container came back with another address.
 */

import { KernelError } from '../kernel/errors.ts'
import { deleteFlow, listUdpFlows } from '../netlink/conntrack.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts'

export interface FlowChoice {
  /** Flows to these ports of the host … */
  hostPorts: readonly number[]
  /** … and those that are answered by these addresses. */
  containerAddresses: readonly string[]
}

/** Shell: `conntrack -D -p udp --orig-port-dst PORT`, `conntrack -D -p udp --reply-src ADDRESS` */
export function forgetUdpFlows({ hostPorts, containerAddresses }: FlowChoice): void {
  if (hostPorts.length + containerAddresses.length === 0) return
  try {
    const socket = NetlinkSocket.open(NETLINK_NETFILTER)
    try {
      const stale = listUdpFlows(socket).filter(
        flow => hostPorts.includes(flow.destinationPort) || containerAddresses.includes(flow.answeredBy),
      )
      // ENOENT: it has ended by itself meanwhile.
      socket.attempt(...stale.map(deleteFlow))
    } finally {
      socket.closeInBackground()
    }
  } catch (error) {
    // EINVAL: this kernel has no nf_conntrack_netlink; its flows end with their timeout of 30 or 120 seconds.
    if (!(error instanceof KernelError && error.code === 'EINVAL')) throw error
  }
}
