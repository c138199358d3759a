/** Names for sandboxes: who is entered in the directory, and which sandbox is served. */

import type { SandboxFiles } from '../sandbox-files.ts'
import { type Connection, isUserNetwork, leadsOutside, type SandboxState } from '../sandbox-state.ts'
import { NameDirectory } from './directory.ts'
import { Resolver } from './resolver.ts'
import { NameServer } from './server.ts'
import { type NameSockets, openNameSockets } from './sockets.ts'
import { Upstream } from './upstream.ts'

export class NameService {
  private readonly directory = new NameDirectory()

  constructor(private readonly files: SandboxFiles) {}

  enter({ request }: SandboxState, { network, endpoint }: Connection): void {
    if (!isUserNetwork(network)) return
    this.directory.add({
      networkId: network.id,
      networkName: network.name,
      containerId: request.containerId,
      ipv4: endpoint.ipAddress,
      ipv6: endpoint.globalIpv6Address,
      names: endpoint.dnsNames,
    })
  }

  strike(networkId: string, containerId: string): void {
    this.directory.remove(networkId, containerId)
  }

  /**
   * Serves a sandbox that is on a user network, unless it is served already. Docker's rule: the default bridge has the host's servers in
   * resolv.conf and no more.
   * @param prepared sockets that are there already
   */
  serve(state: SandboxState, netns: number, prepared: NameSockets | null = null): void {
    if (state.names || ![...state.connections.values()].some(({ network }) => isUserNetwork(network))) return
    const resolver = new Resolver(
      this.directory,
      () => [...state.connections.keys()],
      alias => aliasTargets(state, alias),
    )
    // From an internal network no question gets out, not even by way of the host (CVE-2024-29018).
    const upstream = new Upstream(() => (leadsOutside(state) ? this.files.upstreamServers(state.request) : []))
    state.names = new NameServer(prepared ?? openNameSockets(netns, { fresh: false }), resolver, upstream)
  }
}

/** `--link db:store` on a user network: a name that this container alone has for another. */
const aliasTargets = ({ connections }: SandboxState, alias: string): { networkId: string; name: string }[] =>
  [...connections].flatMap(([networkId, { endpoint }]) =>
    endpoint.links
      .map(link => link.split(':'))
      .filter(([name = '', as = name]) => as.toLowerCase() === alias.toLowerCase())
      .map(([name = '']) => ({ networkId, name })),
  )
