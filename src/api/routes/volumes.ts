/** Volumes. Engine API reference, "Volume". */

import { encodeVolume, volumeCreation } from '../codec/volume.ts'
import type { Call } from '../http/call.ts'
import { del, get, post, type Route } from '../http/router.ts'

const FILTERS = ['dangling', 'driver', 'label', 'name']
const PRUNE_FILTERS = ['all', 'label', 'label!']

const name = (call: Call): string => call.param('name')

async function list(call: Call): Promise<void> {
  const volumes = await call.services.volumes.list(call.query.filters(FILTERS))
  call.send(200, { Volumes: volumes.map(volume => encodeVolume(volume)), Warnings: null })
}

async function create(call: Call): Promise<void> {
  const request = await call.json(volumeCreation)
  call.send(201, encodeVolume(await call.services.volumes.create(request)))
}

async function inspect(call: Call): Promise<void> {
  call.send(200, encodeVolume(await call.services.volumes.inspect(name(call))))
}

async function remove(call: Call): Promise<void> {
  await call.services.volumes.remove(name(call), { force: call.query.flag('force') })
  call.empty(204)
}

async function prune(call: Call): Promise<void> {
  const filters = call.query.filters(PRUNE_FILTERS)
  // Before 1.42 named volumes were pruned with the anonymous ones.
  const asked = call.since('1.42') ? filters : { ...filters, all: ['true'] }
  const { removed, reclaimed } = await call.services.volumes.prune(asked)
  call.send(200, { VolumesDeleted: removed, SpaceReclaimed: reclaimed })
}

export const volumeRoutes: Route[] = [
  get('/volumes', list),
  post('/volumes/create', create),
  post('/volumes/prune', prune),
  get('/volumes/{name}', inspect),
  del('/volumes/{name}', remove),
]
