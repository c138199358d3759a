/** Making and removing a project's networks and volumes. */

import type { Engine } from '../../client/engine.ts'
import { isNotFound } from '../../client/errors.ts'
import { networkHash, volumeHash } from '../engine/hash.ts'
import { LABEL } from '../engine/labels.ts'
import type { Network, Project, Volume } from '../project.ts'
import { reported, type Surroundings } from './report.ts'

export async function createNetwork(
  engine: Engine,
  project: Project,
  network: Network,
  key: string,
  around: Surroundings,
  replaces?: string,
): Promise<void> {
  await reported(around, `Network ${network.name}`, 'Creating', 'Created', async () => {
    if (replaces) await engine.delete(`/networks/${replaces}`)
    await engine.post('/networks/create', {}, networkBody(project, network, key, around.version))
  })
}

function networkBody(project: Project, network: Network, key: string, version: string): object {
  const { ipam } = network
  const config = ipam?.config?.map(({ subnet, ip_range, gateway, aux_addresses }) => ({
    ...(subnet && { Subnet: subnet }),
    ...(ip_range && { IPRange: ip_range }),
    ...(gateway && { Gateway: gateway }),
    ...(aux_addresses && { AuxiliaryAddresses: aux_addresses }),
  }))
  return {
    Name: network.name,
    CheckDuplicate: true,
    ...(network.driver && { Driver: network.driver }),
    ...(network.driver_opts && { Options: network.driver_opts }),
    ...(ipam && {
      IPAM: { Driver: ipam.driver ?? 'default', Config: config ?? [], ...(ipam.options && { Options: ipam.options }) },
    }),
    Internal: network.internal ?? false,
    Attachable: network.attachable ?? false,
    EnableIPv6: network.enable_ipv6 ?? false,
    ...(network.enable_ipv4 === false && { EnableIPv4: false }),
    Labels: {
      ...network.labels,
      [LABEL.hash]: networkHash(network),
      [LABEL.network]: key,
      [LABEL.project]: project.name,
      [LABEL.version]: version,
    },
  }
}

export async function createVolume(
  engine: Engine,
  project: Project,
  volume: Volume,
  key: string,
  around: Surroundings,
): Promise<void> {
  const body = {
    Name: volume.name,
    ...(volume.driver && { Driver: volume.driver }),
    ...(volume.driver_opts && { DriverOpts: volume.driver_opts }),
    Labels: {
      ...volume.labels,
      [LABEL.hash]: volumeHash(volume),
      [LABEL.project]: project.name,
      [LABEL.version]: around.version,
      [LABEL.volume]: key,
    },
  }
  await reported(around, `Volume ${volume.name}`, 'Creating', 'Created', () => engine.post('/volumes/create', {}, body))
}

export const removeNetwork = (
  engine: Engine,
  { Id, Name }: { Id: string; Name: string },
  around: Surroundings,
): Promise<void> =>
  reported(around, `Network ${Name}`, 'Removing', 'Removed', () => engine.delete(`/networks/${Id}`).catch(unlessGone))

export const removeVolume = (engine: Engine, name: string, around: Surroundings): Promise<void> =>
  reported(around, `Volume ${name}`, 'Removing', 'Removed', () =>
    engine.delete(`/volumes/${encodeURIComponent(name)}`).catch(unlessGone),
  )

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error
}
