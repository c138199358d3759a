/** What everything takes on disk. Engine API reference, "SystemDataUsage". */

import type { Container } from '../../containers/types.ts'
import type { ImageId } from '../../images/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeCacheEntry } from '../codec/build-cache.ts'
import { encodeSummary } from '../codec/container.ts'
import { encodeImageUsage } from '../codec/image.ts'
import { encodeVolume } from '../codec/volume.ts'
import type { Call } from '../http/call.ts'
import { get, type Route } from '../http/router.ts'
import { currentNames } from './image-names.ts'

const KINDS = ['container', 'image', 'volume', 'build-cache'] as const
type Kind = (typeof KINDS)[number]

function kinds(call: Call): Set<Kind> {
  const asked = call.since('1.42') ? call.query.all('type') : []
  for (const kind of asked) {
    if (!KINDS.some(known => known === kind)) throw new InvalidParameter(`unknown object type: ${kind}`)
  }
  return new Set(asked.length > 0 ? (asked as Kind[]) : KINDS)
}

async function imagesUsed(call: Call, containers: Container[]) {
  const { layersSize, images } = await call.services.images.diskUsage()
  const users = (id: string) => containers.filter(({ imageId }) => imageId === id).length
  return {
    LayersSize: layersSize,
    Images: images.map(used => encodeImageUsage(used, users(used.image.id), version => call.since(version))),
  }
}

async function containersUsed(call: Call) {
  const found = await call.services.containers.list({ all: true, limit: 0, size: true, filters: {} })
  const nameOf = await currentNames(
    call.services.images,
    found.map(({ container }) => container.imageId as ImageId),
  )
  return { Containers: found.map(({ container, sizes }) => encodeSummary(container, sizes, nameOf(container))) }
}

async function volumesUsed(call: Call, containers: Container[]) {
  const { volumes } = call.services
  const users = (name: string) => containers.filter(({ mounts }) => mounts.some(mount => mount.name === name)).length
  const used = (await volumes.list({})).map(async volume =>
    encodeVolume(volume, { size: await volumes.size(volume.name), containers: users(volume.name) }),
  )
  return { Volumes: await Promise.all(used) }
}

async function usage(call: Call): Promise<void> {
  const wanted = kinds(call)
  const all = await call.services.containers.list({ all: true, limit: 0, size: false, filters: {} })
  const containers = all.map(({ container }) => container)
  call.send(200, {
    LayersSize: 0,
    Images: null,
    ...(wanted.has('image') && (await imagesUsed(call, containers))),
    Containers: null,
    ...(wanted.has('container') && (await containersUsed(call))),
    Volumes: null,
    ...(wanted.has('volume') && (await volumesUsed(call, containers))),
    BuildCache: wanted.has('build-cache') ? await cacheUsed(call) : null,
    ...(!call.since('1.42') && { BuilderSize: 0 }),
  })
}

async function cacheUsed(call: Call) {
  const entries = await call.services.builds.cacheUsage()
  return entries.map(entry => encodeCacheEntry(entry, version => call.since(version)))
}

export const diskUsageRoutes: Route[] = [get('/system/df', usage)]
