/** The networks of a container as endpoints of the API. */

import type { Project, Service } from '../project.ts'
import type { Attachment } from '../schema/service-parts.ts'
import type { Resolve } from './references.ts'

export interface Endpoint {
  /** Its real name. */
  readonly network: string
  readonly settings: object
}

/** The one with the highest priority first; then by name. */
export function endpointsOf(
  project: Project,
  service: Service,
  { resolve, useAliases }: { resolve: Resolve; useAliases: boolean },
): Endpoint[] {
  if (service.network_mode !== undefined) return []
  const links = [...ownLinks(service, resolve), ...(service.external_links ?? []).map(externalLink)]
  return Object.entries(service.networks ?? {})
    .sort(([a, x], [b, y]) => (y?.priority ?? 0) - (x?.priority ?? 0) || (a < b ? -1 : 1))
    .map(([key, attachment], i) => ({
      network: project.networks[key]?.name ?? key,
      settings: settings(attachment ?? {}, {
        aliases: useAliases ? [service.name, ...(attachment?.aliases ?? [])] : [],
        links,
        macAddress: attachment?.mac_address ?? (i === 0 ? service.mac_address : undefined),
      }),
    }))
}

interface Own {
  readonly aliases: readonly string[]
  readonly links: readonly string[]
  readonly macAddress: string | undefined
}

function settings(attachment: Attachment, { aliases, links, macAddress }: Own): object {
  const { ipv4_address, ipv6_address, link_local_ips, driver_opts, gw_priority } = attachment
  const ipam = {
    ...(ipv4_address && { IPv4Address: ipv4_address }),
    ...(ipv6_address && { IPv6Address: ipv6_address }),
    ...(link_local_ips && { LinkLocalIPs: link_local_ips }),
  }
  return {
    ...(aliases.length > 0 && { Aliases: [...new Set(aliases)] }),
    ...(links.length > 0 && { Links: links }),
    ...(Object.keys(ipam).length > 0 && { IPAMConfig: ipam }),
    ...(driver_opts && { DriverOpts: driver_opts }),
    ...(macAddress && { MacAddress: macAddress }),
    ...(gw_priority !== undefined && { GwPriority: gw_priority }),
  }
}

/** `db`, `db:database` */
const ownLinks = (service: Service, resolve: Resolve): string[] =>
  (service.links ?? []).map(link => {
    const [name = '', alias = name] = link.split(':')
    return `${resolve(name)}:${alias}`
  })

const externalLink = (link: string): string => (link.includes(':') ? link : `${link}:${link}`)
