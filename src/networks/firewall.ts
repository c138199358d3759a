/** The nftables table of one daemon instance: holds the wanted state and brings the kernel to it. */

import { KernelError, Unavailable } from '../kernel/errors.ts'
import { Nftables } from '../kernel/nftables.ts'
import { changeElements } from '../netlink/nf-tables.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts'
import {
  type FirewallNetwork,
  type FirewallRule,
  firewallRules,
  type PublishedPort,
  publishCommand,
  publishElement,
  tableCommands,
} from './firewall-rules.ts'

export class Firewall {
  private nftables: Nftables | null = null
  private elements: NetlinkSocket | null = null
  private readonly networks = new Map<string, FirewallNetwork>()
  private readonly published = new Map<string, readonly PublishedPort[]>()

  /**
   * libnftables waits with select(2), for which a descriptor above 1,023 is the end of the process: its socket is opened before those of
   * hundreds of containers are.
   */
  constructor(readonly table: string) {
    try {
      this.nftables = new Nftables()
    } catch (error) {
      // Who needs it is told.
      if (!(error instanceof Unavailable)) throw error
    }
  }

  /** Writes the whole table: at the daemon's start, when its state is complete. */
  reconcile(): void {
    this.run(tableCommands(this.table, [...this.networks.values()], [...this.published.values()].flat()))
  }

  /** Takes the table away. Nothing happens if there is none. */
  remove(): void {
    this.run(`table inet ${this.table} {}\ndelete table inet ${this.table}`)
  }

  /** Notes a network without telling the kernel yet. */
  note(network: FirewallNetwork): void {
    this.networks.set(network.bridge, network)
  }

  addNetwork(network: FirewallNetwork): void {
    this.note(network)
    this.reconcile()
  }

  removeNetwork(bridge: string): void {
    if (this.networks.delete(bridge)) this.reconcile()
  }

  /** Notes a container's ports without telling the kernel yet. */
  notePublished(containerId: string, ports: readonly PublishedPort[]): void {
    if (ports.length > 0) this.published.set(containerId, ports)
  }

  /** All ports of a container, or none. @throws KernelError, NftablesError */
  publish(containerId: string, ports: readonly PublishedPort[]): void {
    if (ports.length === 0) return
    this.published.set(containerId, ports)
    try {
      this.change('add', ports)
    } catch (error) {
      this.published.delete(containerId)
      throw error
    }
  }

  unpublish(containerId: string): void {
    const ports = this.published.get(containerId)
    if (!ports) return
    this.published.delete(containerId)
    this.change('delete', ports)
  }

  /** What of the table concerns a container with these bridges: rules, and its own published ports as commands. */
  concerning(containerId: string, bridges: readonly string[]): { rules: FirewallRule[]; published: string[] } {
    return {
      // What comes by no bridge of ours, as a macvlan's packets, passes none of them.
      rules:
        bridges.length === 0
          ? []
          : firewallRules([...this.networks.values()]).filter(
              ({ bridge }) => bridge === null || bridges.includes(bridge),
            ),
      published: (this.published.get(containerId) ?? []).map(port => publishCommand(this.table, port)),
    }
  }

  private change(verb: 'add' | 'delete', ports: readonly PublishedPort[]): void {
    this.elements ??= NetlinkSocket.open(NETLINK_NETFILTER)
    try {
      changeElements(this.elements, this.table, verb, ports.map(publishElement))
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      // Somebody emptied the table behind our back (`nft flush ruleset`): write it anew, from what we know.
      this.reconcile()
    }
  }

  foreignForwardDrops(): string[] {
    return foreignForwardDrops(this.run('list chains'), this.table)
  }

  private run(commands: string): string {
    this.nftables ??= new Nftables()
    return this.nftables.run(commands)
  }
}

/** Names of base chains of others that drop what is forwarded unless they are told otherwise, as 'inet firewalld filter_FORWARD'. */
export const foreignForwardDrops = (chains: string, ownTable: string): string[] =>
  [...chains.matchAll(/^table (\S+ \S+) \{$([\s\S]*?)^\}$/gm)].flatMap(([, table = '', body = '']) =>
    table === `inet ${ownTable}`
      ? []
      : [...body.matchAll(/chain (\S+) \{\s*type filter hook forward [^;]*; policy drop;/g)].map(
          ([, chain]) => `${table} ${chain}`,
        ),
  )
