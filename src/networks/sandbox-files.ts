/** The text of each sandbox's /etc/hosts and /etc/resolv.conf, and of the links that point from one container to another. */

import { readFileSync } from 'node:fs'
import {
  extraHost,
  formatHosts,
  formatResolvConf,
  type HostsEntry,
  isLoopback,
  PUBLIC_SERVERS,
  parseResolvConf,
  type ResolvConf,
} from './etc-files.ts'
import { NAME_SERVER } from './names/sockets.ts'
import type { SandboxState, SandboxTexts } from './sandbox-state.ts'
import type { SandboxRequest } from './types.ts'

/** A container's file as it should be now, and as it was written before. */
export interface FileChange {
  before: SandboxTexts
  after: SandboxTexts
}

export interface SandboxFilesOptions {
  /** The host's resolv.conf(5). */
  resolvConfPath: string
  /** daemon.json's dns, dns-search and dns-opts. */
  defaults: ResolvConf
  /** What 'host-gateway' stands for. */
  hostGateway(): string
  /** A network was connected or disconnected, or a link's target moved: the files must be written anew. */
  onFilesChanged(containerId: string, change: FileChange): void
}

export class SandboxFiles {
  constructor(private readonly options: SandboxFilesOptions) {}

  contents(state: SandboxState, all: ReadonlyMap<string, SandboxState>): SandboxTexts {
    return { hosts: this.hosts(state, all), resolvConf: this.resolvConf(state) }
  }

  /** Tells of files that are not as they should be any more. */
  refresh(state: SandboxState, all: ReadonlyMap<string, SandboxState>): void {
    const [before, after] = [state.files, this.contents(state, all)]
    if (before.hosts === after.hosts && before.resolvConf === after.resolvConf) return
    state.files = after
    this.options.onFilesChanged(state.request.containerId, { before, after })
  }

  /** Where the name server asks about the outside world. */
  upstreamServers(request: SandboxRequest): string[] {
    // From the host's side its loopback servers can be reached: nothing is filtered here.
    return this.configured(request).servers
  }

  private hosts({ request, connections }: SandboxState, all: ReadonlyMap<string, SandboxState>): string {
    const names = ownNames(request)
    const own: HostsEntry[] = [...connections.values()].flatMap(({ endpoint }) =>
      [endpoint.ipAddress, endpoint.globalIpv6Address].filter(Boolean).map(address => ({ address, names })),
    )
    const gateway = this.options.hostGateway() || [...connections.values()][0]?.endpoint.gateway || '127.0.0.1'
    const extra = request.extraHosts.map(text => extraHost(text, gateway))
    return formatHosts([...extra, ...linkEntries(request, all), ...own])
  }

  private resolvConf({ request, names }: SandboxState): string {
    const { servers, search, options, areOfHost } = this.configured(request)
    if (names) {
      // glibc would ask the search domains for 'db' first: ndots:0 asks for the name as it stands.
      const hasNdots = options.some(option => option.startsWith('ndots:'))
      return formatResolvConf({ servers: [NAME_SERVER], search, options: hasNdots ? options : [...options, 'ndots:0'] })
    }
    // Who names a server of the container's own loopback means it.
    const reachable = servers.filter(server => !areOfHost || !isLoopback(server))
    return formatResolvConf({ servers: reachable.length > 0 ? reachable : [...PUBLIC_SERVERS], search, options })
  }

  /** The container's own settings before the daemon's before the host's, each of the three by itself. */
  private configured({ dns, dnsSearch, dnsOptions }: SandboxRequest): ResolvConf & { areOfHost: boolean } {
    const host = parseResolvConf(readFileSync(this.options.resolvConfPath, 'utf8'))
    const { defaults } = this.options
    const first = (...lists: string[][]): string[] => lists.find(list => list.length > 0) ?? []
    const search = first(dnsSearch, defaults.search, host.search)
    return {
      servers: first(dns, defaults.servers, host.servers),
      areOfHost: dns.length === 0 && defaults.servers.length === 0,
      // `--dns-search .` asks for none at all.
      search: search.includes('.') ? [] : search,
      options: first(dnsOptions, defaults.options, host.options),
    }
  }
}

/** 'web.corp.example' and 'web'. */
function ownNames({ hostname, domainname }: SandboxRequest): string[] {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`
  return [...new Set([full, full.split('.')[0] ?? ''])]
}

function linkEntries(request: SandboxRequest, all: ReadonlyMap<string, SandboxState>): HostsEntry[] {
  return request.links.flatMap(({ containerId, alias, names }) => {
    const target = all.get(containerId)
    const address = [...(target?.connections.values() ?? [])].find(({ network }) => network.name === 'bridge')?.endpoint
      .ipAddress
    return address ? [{ address, names: [...new Set([alias, ...names])] }] : []
  })
}
