/**
 * Who is called what: the names of containers on user networks, as one of them sees the others. Names are compared without
 * regard to case (RFC 4343). Several containers may share an alias: all of them are the answer.
 */

interface Entry {
  containerId: string
  ipv4: string
  ipv6: string
}

export interface Registration extends Entry {
  networkId: string
  networkName: string
  /** Name, short id, aliases; without the network's name behind it. */
  names: readonly string[]
}

const lower = (name: string): string => name.toLowerCase().replace(/\.$/, '')

export class NameDirectory {
  /** network id → name → entries, in the order in which they came. */
  private readonly networks = new Map<string, Map<string, Entry[]>>()
  private readonly byAddress = new Map<string, string>()
  /** network id and container id → the names it has there: who goes is not looked for among all others. */
  private readonly byContainer = new Map<string, Set<string>>()

  add({ networkId, networkName, names, ...entry }: Registration): void {
    const network = this.networks.get(networkId) ?? new Map<string, Entry[]>()
    this.networks.set(networkId, network)
    const key = `${networkId} ${entry.containerId}`
    const own = this.byContainer.get(key) ?? new Set<string>()
    this.byContainer.set(key, own)
    for (const name of names)
      for (const known of [lower(name), lower(`${name}.${networkName}`)]) {
        network.set(known, [...(network.get(known) ?? []), entry])
        own.add(known)
      }
    for (const address of [entry.ipv4, entry.ipv6])
      if (address !== '') this.byAddress.set(`${networkId} ${address}`, `${names[0]}.${networkName}`)
  }

  remove(networkId: string, containerId: string): void {
    const network = this.networks.get(networkId)
    if (!network) return
    const key = `${networkId} ${containerId}`
    for (const name of this.byContainer.get(key) ?? []) {
      const entries = network.get(name) ?? []
      const left = entries.filter(entry => entry.containerId !== containerId)
      for (const gone of entries) {
        if (gone.containerId !== containerId) continue
        this.byAddress.delete(`${networkId} ${gone.ipv4}`)
        this.byAddress.delete(`${networkId} ${gone.ipv6}`)
      }
      if (left.length > 0) network.set(name, left)
      else network.delete(name)
    }
    this.byContainer.delete(key)
    if (network.size === 0) this.networks.delete(networkId)
  }

  /** The addresses behind a name, seen from these networks; null if no container is called so. */
  addresses(networkIds: readonly string[], name: string): { ipv4: string[]; ipv6: string[] } | null {
    const entries = networkIds.flatMap(id => this.networks.get(id)?.get(lower(name)) ?? [])
    if (entries.length === 0) return null
    return {
      ipv4: entries.map(entry => entry.ipv4).filter(Boolean),
      ipv6: entries.map(entry => entry.ipv6).filter(Boolean),
    }
  }

  /** 'web.front' for an address of one of these networks. */
  nameOf(networkIds: readonly string[], address: string): string | null {
    for (const id of networkIds) {
      const name = this.byAddress.get(`${id} ${address}`)
      if (name) return name
    }
    return null
  }
}
