/** What a service takes of other containers: their namespaces and volumes. */

import type { Service } from '../project.ts'

/** The id of a container of this service. @throws Error when it has none */
export type Resolve = (service: string) => string

/** `service:x` in the API's words. */
export function namespaceModes(
  service: Service,
  resolve: Resolve,
): { NetworkMode?: string; IpcMode?: string; PidMode?: string } {
  const mode = (written: string | undefined) => {
    const name = /^service:(.+)$/.exec(written ?? '')?.[1]
    return name === undefined ? written : `container:${resolve(name)}`
  }
  return {
    ...(service.network_mode !== undefined && { NetworkMode: mode(service.network_mode) ?? '' }),
    ...(service.ipc !== undefined && { IpcMode: mode(service.ipc) ?? '' }),
    ...(service.pid && { PidMode: mode(service.pid) ?? '' }),
  }
}

/** `x:ro`, `container:y:ro` as ids and names with their modes. */
export const volumesFrom = (service: Service, resolve: Resolve): string[] =>
  (service.volumes_from ?? []).map(written => {
    if (written.startsWith('container:')) return written.slice('container:'.length)
    const [name = '', ...mode] = written.split(':')
    return [resolve(name), ...mode].join(':')
  })
