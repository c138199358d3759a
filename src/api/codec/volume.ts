/** Volumes. Engine API reference, "Volume". */

import type { Volume, VolumeRequest } from '../../volumes/types.ts'
import { map, text } from './schema.ts'
import { field, Struct } from './struct.ts'

export const volumeCreation = new Struct<Omit<VolumeRequest, 'madeFor'>>('volume.VolumeCreateBody', {
  name: field('Name', text),
  driver: field('Driver', text),
  options: field('DriverOpts', map(text)),
  labels: field('Labels', map(text)),
})

const orNull = (map: Record<string, string>) => (Object.keys(map).length > 0 ? map : null)

export const encodeVolume = (volume: Volume, usage?: { size: number; containers: number }) => ({
  CreatedAt: volume.created,
  Driver: volume.driver,
  Labels: orNull(volume.labels),
  Mountpoint: volume.mountpoint,
  Name: volume.name,
  Options: orNull(volume.options),
  Scope: volume.scope,
  ...(usage && { UsageData: { Size: usage.size, RefCount: usage.containers } }),
})
