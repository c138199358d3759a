/** Networks. Engine API reference, "Network". */

import { Forbidden, NotFound, NotImplemented } from '../../kernel/errors.ts'
import type { NetworkService } from '../../networks/types.ts'
import { connection, disconnection } from '../codec/endpoint.ts'
import { encodeNetwork, networkCreation } from '../codec/network.ts'
import type { Call } from '../http/call.ts'
import { del, get, post, type Route } from '../http/router.ts'
import { NOT_A_MANAGER } from './swarm.ts'

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']
const PRUNE_FILTERS = ['label', 'label!', 'until']

function networks(call: Call): NetworkService {
  const { networks } = call.services
  if (!networks) throw new NotImplemented('this daemon runs without networks of its own')
  return networks
}

async function list(call: Call): Promise<void> {
  const found = await networks(call).list(call.query.filters(FILTERS))
  call.send(
    200,
    found.map(network => encodeNetwork(network, !call.since('1.28'))),
  )
}

async function inspect(call: Call): Promise<void> {
  const network = await networks(call).inspect(call.param('id'))
  const scope = call.query.text('scope')
  if (scope !== '' && scope !== network.scope) throw new NotFound(`network ${call.param('id')} not found`)
  call.send(200, encodeNetwork(network, true))
}

async function create(call: Call): Promise<void> {
  const { request, swarmOnly, configOnly, configFrom } = await call.json(networkCreation)
  if (swarmOnly) throw new Forbidden(NOT_A_MANAGER)
  if (configOnly)
    throw new NotImplemented('config-only networks are not supported: give each network what it shall have')
  if (configFrom !== '') throw new NotFound(`configuration network "${configFrom}" does not exist`)
  const { id, warning } = await networks(call).create(request)
  call.send(201, { Id: id, Warning: warning })
}

async function remove(call: Call): Promise<void> {
  await networks(call).remove(call.param('id'))
  call.empty(204)
}

async function prune(call: Call): Promise<void> {
  const removed = await networks(call).prune(call.query.filters(PRUNE_FILTERS))
  call.send(200, { NetworksDeleted: removed.length > 0 ? removed : null })
}

async function connect(call: Call): Promise<void> {
  const { container, endpoint } = await call.json(connection)
  await call.services.containers.connect(call.param('id'), container, endpoint)
  call.empty(200)
}

async function disconnect(call: Call): Promise<void> {
  const { container, force } = await call.json(disconnection)
  await call.services.containers.disconnect(call.param('id'), container, { force })
  call.empty(200)
}

export const networkRoutes: Route[] = [
  get('/networks', list),
  get('/networks/{id*}', inspect),
  post('/networks/create', create),
  post('/networks/prune', prune),
  post('/networks/{id*}/connect', connect),
  post('/networks/{id*}/disconnect', disconnect),
  del('/networks/{id*}', remove),
]
