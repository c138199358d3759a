/** Containers. Engine API reference, "Container". */

import { setImmediate as nextRound } from 'node:timers/promises'
import type { ImageId } from '../../images/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeContainer, encodeSummary } from '../codec/container.ts'
import { createBody, toCreateRequest } from '../codec/container-create.ts'
import { updateBody } from '../codec/resources.ts'
import type { Call } from '../http/call.ts'
import { del, get, post, type Route } from '../http/router.ts'
import { currentNames } from './image-names.ts'
import { waitCondition } from './wait-condition.ts'

const FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]

const ROWS_AT_ONCE = 100

const ref = (call: Call): string => call.param('id')

async function list(call: Call): Promise<void> {
  const found = await call.services.containers.list({
    all: call.query.flag('all'),
    limit: Math.max(0, call.query.int('limit', 0)),
    size: call.query.flag('size'),
    filters: call.query.filters(FILTERS),
  })
  const nameOf = await currentNames(
    call.services.images,
    found.map(({ container }) => container.imageId as ImageId),
  )
  const rows: string[] = []
  for (const { container, sizes } of found) {
    rows.push(JSON.stringify(encodeSummary(container, sizes, nameOf(container))))
    // A thousand of them are a megabyte: others come in between.
    if (rows.length % ROWS_AT_ONCE === 0) await nextRound()
  }
  call.sendJson(200, `[${rows.join(',')}]`)
}

async function create(call: Call): Promise<void> {
  const body = await call.json(createBody, { eof: 'EOF' })
  const request = toCreateRequest(body, call.query.text('name'), call.query.text('platform'), v => call.since(v))
  const { id, warnings } = await call.services.containers.create(request)
  call.send(201, { Id: id, Warnings: warnings })
}

async function inspect(call: Call): Promise<void> {
  const { containers } = call.services
  const container = await containers.inspect(ref(call))
  const sizes = call.query.flag('size') ? await containers.sizes(container.id) : null
  call.send(200, encodeContainer(container, sizes))
}

/** The shortest body that says something: `{"a":1}`. Before 1.24 it changed the host configuration. */
const SHORTEST_OBJECT = 7

async function start(call: Call): Promise<void> {
  const { headers } = call.request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > SHORTEST_OBJECT) {
    throw new InvalidParameter(
      'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
    )
  }
  await call.services.containers.start(ref(call), { detachKeys: call.query.text('detachKeys') })
  call.empty(204)
}

const ending = (call: Call) => ({
  signal: call.query.text('signal'),
  timeoutSeconds: call.query.text('t') === '' ? null : call.query.int('t'),
})

async function stop(call: Call): Promise<void> {
  await call.services.containers.stop(ref(call), ending(call))
  call.empty(204)
}

async function restart(call: Call): Promise<void> {
  await call.services.containers.restart(ref(call), ending(call))
  call.empty(204)
}

async function kill(call: Call): Promise<void> {
  await call.services.containers.kill(ref(call), call.query.text('signal'))
  call.empty(204)
}

async function pause(call: Call): Promise<void> {
  await call.services.containers.pause(ref(call))
  call.empty(204)
}

async function unpause(call: Call): Promise<void> {
  await call.services.containers.unpause(ref(call))
  call.empty(204)
}

async function rename(call: Call): Promise<void> {
  await call.services.containers.rename(ref(call), call.query.text('name').replace(/^\//, ''))
  call.empty(204)
}

async function update(call: Call): Promise<void> {
  const { resources, restartPolicy } = await call.json(updateBody, { eof: 'EOF' })
  const { warnings } = await call.services.containers.update(ref(call), resources, restartPolicy)
  call.send(200, { Warnings: warnings })
}

async function remove(call: Call): Promise<void> {
  await call.services.containers.remove(ref(call), {
    force: call.query.flag('force'),
    volumes: call.query.flag('v'),
    link: call.query.flag('link'),
  })
  call.empty(204)
}

/** The header says that waiting has begun: what a client does after it cannot be missed. */
async function wait(call: Call): Promise<void> {
  const { end } = await call.services.containers.wait(ref(call), waitCondition(call))
  call.begin('application/json')
  const { statusCode, error } = await end
  call.response.end(`${JSON.stringify({ StatusCode: statusCode, ...(error && { Error: { Message: error } }) })}\n`)
}

async function resize(call: Call): Promise<void> {
  const [height, width] = [call.query.int('h'), call.query.int('w')]
  await call.services.containers.resize(ref(call), height, width)
  call.empty(200)
}

async function top(call: Call): Promise<void> {
  const { titles, processes } = await call.services.containers.top(ref(call), call.query.text('ps_args') || '-ef')
  call.send(200, { Processes: processes, Titles: titles })
}

export const containerRoutes: Route[] = [
  get('/containers/json', list),
  post('/containers/create', create),
  get('/containers/{id*}/json', inspect),
  get('/containers/{id*}/top', top),
  post('/containers/{id*}/start', start),
  post('/containers/{id*}/stop', stop),
  post('/containers/{id*}/restart', restart),
  post('/containers/{id*}/kill', kill),
  post('/containers/{id*}/pause', pause),
  post('/containers/{id*}/unpause', unpause),
  post('/containers/{id*}/rename', rename),
  post('/containers/{id*}/update', update),
  post('/containers/{id*}/wait', wait),
  post('/containers/{id*}/resize', resize),
  del('/containers/{id*}', remove),
]
