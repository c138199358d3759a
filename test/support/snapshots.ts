/** Snapshots over the API, as several tests need them. */

import type { Json } from './client.ts'
import { create, remove } from './containers.ts'
import type { Engine } from './engine.ts'

export const snapshot = (engine: Engine, id: string, name: string, how: object = {}): Promise<Json> =>
  engine.api.post(`/containers/${id}/snapshots`, undefined, { name, ...how })

/** At once, as tests want it. */
export const reset = (engine: Engine, id: string, name?: string): Promise<Json> =>
  engine.api.post(`/containers/${id}/reset`, undefined, { t: 0, signal: 'KILL', ...(name && { snapshot: name }) })

export const snapshotNames = async (engine: Engine): Promise<string[]> =>
  (await engine.api.get('/snapshots')).map(({ Name }: { Name: string }) => Name)

/** Creates and starts a container where a snapshot was taken. */
export async function startFrom(engine: Engine, name: string, spec: object = {}): Promise<string> {
  const id = await create(engine, { FromSnapshot: name, Image: '', ...spec })
  await engine.api.post(`/containers/${id}/start`)
  return id
}

/** Containers first, snapshots afterwards, those that stand on others before these. */
export async function removeAll(engine: Engine): Promise<void> {
  for (const { Id } of await engine.api.get('/containers/json', { all: true })) await remove(engine, Id)
  for (const name of await snapshotNames(engine)) await engine.api.delete(`/snapshots/${name}`)
  await engine.api.post('/volumes/prune', undefined, { filters: { all: ['true'] } })
}
