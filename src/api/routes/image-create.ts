/** Where images come from: a root file system (import) or a registry (pull), and where they go (push), and search. */

import { Readable } from 'node:stream'
import { reporting } from '../../images/registry/download.ts'
import type { Progress } from '../../images/types.ts'
import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'
import { decodeAuthHeader } from '../codec/registry-auth.ts'
import type { Call } from '../http/call.ts'
import { get, post, type Route } from '../http/router.ts'
import { withProgress } from '../http/streams.ts'
import type { RegistryService } from '../services.ts'
import { withTag } from './images.ts'

function registry(call: Call): RegistryService {
  const { registry } = call.services
  if (!registry) throw new NotImplemented('this skiff does not speak to registries yet: use `load` or `import`')
  return registry
}

const auth = (call: Call) => decodeAuthHeader(call.request.headers['x-registry-auth'])
const platform = (call: Call): string => call.query.text('platform')

async function create(call: Call): Promise<void> {
  if (call.query.text('fromImage') !== '') await pull(call)
  else if (call.query.text('fromSrc') !== '') await importRootfs(call)
  else throw new InvalidParameter('neither fromImage nor fromSrc is given')
}

async function pull(call: Call): Promise<void> {
  const service = registry(call)
  const [image, tag] = [call.query.text('fromImage'), call.query.text('tag')]
  await withProgress(call, tell =>
    service.pull(
      { image, tag, all: !call.query.has('tag'), platform: platform(call) || null, auth: auth(call) },
      tell,
      call.signal,
    ),
  )
}

/** `-`: the body. Anything else is downloaded. */
async function archive(call: Call, source: string, tell: (step: Progress) => void): Promise<Readable> {
  if (source === '-') return call.body
  const { size, body } = await registry(call).fetch(source, call.signal)
  tell({ status: `Downloading from ${source}` })
  if (size === undefined) return body
  const steps = reporting(body, size, current => tell({ status: 'Importing', current, total: size }))
  return Readable.from(steps, { objectMode: false })
}

async function importRootfs(call: Call): Promise<void> {
  const { query } = call
  const source = query.text('fromSrc')
  await withProgress(call, async tell => {
    const image = await call.services.images.importRootfs(await archive(call, source, tell), {
      reference: query.text('repo') === '' ? undefined : withTag(query.text('repo'), query.text('tag')),
      message: query.text('message') || undefined,
      changes: query.all('changes'),
      source,
      platform: platform(call) || undefined,
    })
    tell({ status: image.id })
  })
}

async function push(call: Call): Promise<void> {
  const service = registry(call)
  const image = call.param('name')
  await withProgress(call, tell =>
    service.push({ image, tag: call.query.text('tag'), auth: auth(call) }, tell, call.signal),
  )
}

async function distribution(call: Call): Promise<void> {
  const { mediaType, digest, size, platforms } = await registry(call).inspect(
    call.param('name'),
    auth(call),
    call.signal,
  )
  call.send(200, {
    Descriptor: { mediaType, digest, size },
    Platforms: platforms.map(({ os, architecture, variant }) => ({ architecture, os, ...(variant && { variant }) })),
  })
}

const SEARCH_FILTERS = ['is-official', 'is-automated', 'stars']
const SEARCH_LIMIT = { usual: 25, max: 100 }

async function search(call: Call): Promise<void> {
  const limit = call.query.int('limit', 0) || SEARCH_LIMIT.usual
  if (limit < 1 || limit > SEARCH_LIMIT.max) {
    throw new InvalidParameter(`Limit ${limit} is outside the range of [1, ${SEARCH_LIMIT.max}]`)
  }
  const filters = call.query.filters(SEARCH_FILTERS)
  const found = await registry(call).search({ term: call.query.text('term'), limit, filters, auth: auth(call) })
  call.send(
    200,
    found.map(({ name, description, official, automated, stars }) => ({
      star_count: stars,
      is_official: official,
      name,
      is_automated: automated,
      description,
    })),
  )
}

export const imageCreateRoutes: Route[] = [
  post('/images/create', create),
  get('/images/search', search),
  get('/distribution/{name*}/json', distribution),
  post('/images/{name*}/push', push),
]
