/** What a project means without saying it: its network, real names, dependencies that follow from other keys. */

import type { Network, Project, Service, Volume } from '../project.ts'
import type { FileObject } from '../schema/files.ts'
import type { Dependency } from '../schema/service-parts.ts'

type Read = Pick<Project, 'name' | 'folder' | 'files' | 'services' | 'secrets' | 'configs'> & {
  readonly networks: Readonly<Record<string, Omit<Network, 'name'> & { name?: string }>>
  readonly volumes: Readonly<Record<string, Omit<Volume, 'name'> & { name?: string }>>
}

type Complete = Omit<Project, 'inactive' | 'extensions' | 'environment'>

export function complete(read: Read): Complete {
  const services = mapValues(read.services, completeService)
  const usesDefault = Object.values(services).some(({ networks }) => networks && 'default' in networks)
  const networks = usesDefault && !read.networks.default ? { ...read.networks, default: {} } : read.networks
  const withName = <T extends { name?: string; external?: boolean }>(item: T, key: string): T & { name: string } => ({
    ...item,
    name: item.name ?? (item.external ? key : `${read.name}_${key}`),
  })
  const named = <T extends FileObject>(item: T, key: string): T => ({ name: `${read.name}_${key}`, ...item })
  return {
    ...read,
    services,
    networks: mapValues(networks, withName) as Record<string, Network>,
    volumes: mapValues(read.volumes, withName) as Record<string, Volume>,
    secrets: mapValues(read.secrets, named),
    configs: mapValues(read.configs, named),
  }
}

function completeService(service: Service): Service {
  const depends_on: Record<string, Dependency> = { ...service.depends_on }
  const needs = (name: string | undefined, restart: boolean) => {
    if (name !== undefined && !depends_on[name])
      depends_on[name] = { condition: 'service_started', required: true, ...(restart && { restart }) }
  }
  for (const mode of [service.network_mode, service.ipc, service.pid])
    needs(/^service:(.+)$/.exec(mode ?? '')?.[1], true)
  for (const from of service.volumes_from ?? []) if (!from.startsWith('container:')) needs(from.split(':')[0], false)
  for (const link of service.links ?? []) needs(link.split(':')[0], false)
  const ownNetworks = service.networks ?? (service.network_mode === undefined ? { default: null } : undefined)
  const { command, entrypoint, ...rest } = service
  return {
    ...rest,
    // Nothing behind the key is the same as no key.
    ...(command && { command }),
    ...(entrypoint && { entrypoint }),
    ...(Object.keys(depends_on).length > 0 && { depends_on }),
    ...(ownNetworks && { networks: ownNetworks }),
  }
}

const mapValues = <T, R>(map: Readonly<Record<string, T>>, change: (value: T, key: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]))
