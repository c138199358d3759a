/** Published ports of sandboxes: kept on the host by their sockets, led to the container by the firewall. */

import { Conflict } from '../kernel/errors.ts'
import type { Undo } from '../kernel/undo.ts'
import { BRIDGE_OPTION } from './driver-options.ts'
import type { Firewall } from './firewall.ts'
import { forgetUdpFlows } from './flows.ts'
import type { HostPorts } from './host-ports.ts'
import { firewallPorts, reservePorts, retargetPorts } from './publish.ts'
import { publishedConnection, type SandboxState } from './sandbox-state.ts'
import type { Sandbox } from './types.ts'

export class Publications {
  constructor(
    private readonly hostPorts: HostPorts,
    private readonly firewall: Firewall,
  ) {}

  /** @param kept the ports that it has already @throws Conflict with Docker's words */
  async reserve(state: SandboxState, undo: Undo, kept?: Sandbox['ports']): Promise<void> {
    const { request } = state
    const published = publishedConnection(state)
    const endpoint = published?.endpoint
    const nothing = { ports: {}, publishAll: false, exposedPorts: request.exposedPorts }
    const wanted = kept ? { ports: kept, publishAll: false, exposedPorts: [] } : request
    const target = {
      ipv4: endpoint?.ipAddress ?? '',
      ipv6: endpoint?.globalIpv6Address ?? '',
      hostIp: published?.network.options[BRIDGE_OPTION.HOST_BINDING] ?? '',
    }
    const publication = await reservePorts(this.hostPorts, endpoint ? wanted : nothing, target).catch(error => {
      if (!(error instanceof Conflict)) throw error
      throw new Conflict(
        `driver failed programming external connectivity on endpoint ${request.containerName} (${endpoint?.endpointId}): ${error.message}`,
        { cause: error },
      )
    })
    undo.defer(() => {
      for (const port of publication.reserved) this.hostPorts.release(port)
    })
    state.reserved = publication.reserved
    state.ports = publication.ports
  }

  publish(state: SandboxState): void {
    this.firewall.publish(state.request.containerId, firewallPorts(state.reserved))
    // A client that goes on sending from before has a flow which leads to nobody: the new rules are not asked for it.
    forgetUdpFlows({ hostPorts: udpPorts(state), containerAddresses: [] })
  }

  unpublish(state: SandboxState): void {
    this.firewall.unpublish(state.request.containerId)
    for (const port of state.reserved) this.hostPorts.release(port)
    if (udpPorts(state).length > 0)
      forgetUdpFlows({ hostPorts: [], containerAddresses: state.reserved.map(({ containerIp }) => containerIp) })
  }

  /** After a change of its networks: the same ports of the host, leading to where the container is now. */
  async republish(state: SandboxState, undo: Undo): Promise<void> {
    const endpoint = publishedConnection(state)?.endpoint
    if (endpoint && state.reserved.length > 0) {
      if (!retargetPorts(state.reserved, { ipv4: endpoint.ipAddress, ipv6: endpoint.globalIpv6Address })) return
      this.firewall.unpublish(state.request.containerId)
      this.publish(state)
      return
    }
    this.unpublish(state)
    await this.reserve(state, undo)
    this.publish(state)
  }

  /** Of a container that has been running: its ports as they were, noted for a table that is not written yet. */
  async restore(state: SandboxState, ports: Sandbox['ports']): Promise<void> {
    await this.reserve(state, { defer() {} }, ports)
    this.firewall.notePublished(state.request.containerId, firewallPorts(state.reserved))
  }
}

const udpPorts = ({ reserved }: SandboxState): number[] =>
  reserved.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort)
