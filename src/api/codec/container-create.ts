/** The body of a container's creation, and what older versions of the API meant by it. */

import type { ContainerConfig, CreateRequest, EndpointConfig, HostConfig } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { containerConfig } from './container-config.ts'
import { networkingConfig } from './endpoint.ts'
import { hostConfig } from './host-config.ts'
import { nullable, text } from './schema.ts'
import { field, inlineOrNull, omitEmpty, Struct } from './struct.ts'

export interface CreateBody {
  /** null when not one of its fields is there. */
  config: ContainerConfig | null
  hostConfig: HostConfig | null
  networking: { endpoints: Record<string, EndpointConfig> } | null
  /** skiff's own: docs/snapshots.md. */
  snapshot: string
}

export const createBody = new Struct<CreateBody>('runconfig.ContainerConfigWrapper', {
  config: inlineOrNull(containerConfig),
  hostConfig: field('HostConfig', nullable(hostConfig)),
  networking: field('NetworkingConfig', nullable(networkingConfig)),
  snapshot: omitEmpty('FromSnapshot', text),
})

/** @throws InvalidParameter */
export function toCreateRequest(
  body: CreateBody,
  name: string,
  platform: string,
  since: (version: string) => boolean,
): CreateRequest {
  const config = body.config ?? (body.snapshot === '' ? null : containerConfig.zero())
  if (config === null) throw new InvalidParameter('Config cannot be empty in order to create a container')
  const host = body.hostConfig ?? hostConfig.zero()
  if (!since('1.40') && host.ipcMode === '') host.ipcMode = 'shareable'
  if (!since('1.41') && host.cgroupnsMode === '') host.cgroupnsMode = 'host'
  if (!since('1.44')) {
    for (const mount of host.mounts) {
      if (mount.bind && mount.readonly) mount.bind.readonlyNonRecursive = true
    }
  }
  return {
    name: name.replace(/^\//, ''),
    config,
    hostConfig: host,
    endpoints: body.networking?.endpoints ?? {},
    platform: platform === '' ? null : platform,
    snapshot: body.snapshot,
  }
}
