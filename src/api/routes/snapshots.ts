/** Points in containers' lives, and the way back: not part of Docker's API. See docs/snapshots.md. */

import { encodeSnapshot } from '../codec/snapshot.ts'
import type { Call } from '../http/call.ts'
import { del, get, post, type Route } from '../http/router.ts'

const ending = (call: Call) => ({
  signal: call.query.text('signal'),
  timeoutSeconds: call.query.text('t') === '' ? null : call.query.int('t'),
})

async function create(call: Call): Promise<void> {
  const { query, services } = call
  const { snapshot, warnings } = await services.snapshots.create(call.param('id'), {
    ...ending(call),
    name: query.text('name'),
    stop: query.flag('stop'),
    pause: query.flag('pause'),
    volumes: query.flag('volumes'),
  })
  call.send(201, { ...encodeSnapshot(snapshot), Warnings: warnings })
}

async function reset(call: Call): Promise<void> {
  const name = await call.services.snapshots.reset(call.param('id'), call.query.text('snapshot'), ending(call))
  call.send(200, { Snapshot: name })
}

async function list(call: Call): Promise<void> {
  call.send(200, (await call.services.snapshots.list()).map(encodeSnapshot))
}

async function inspect(call: Call): Promise<void> {
  call.send(200, encodeSnapshot(await call.services.snapshots.inspect(call.param('name'))))
}

async function remove(call: Call): Promise<void> {
  await call.services.snapshots.remove(call.param('name'), { force: call.query.flag('force') })
  call.empty(204)
}

export const snapshotRoutes: Route[] = [
  post('/containers/{id*}/snapshots', create),
  post('/containers/{id*}/reset', reset),
  get('/snapshots', list),
  get('/snapshots/{name}', inspect),
  del('/snapshots/{name}', remove),
]
