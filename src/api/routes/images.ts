/** Images. Engine API reference, "Image". */

import type { Image, ImageFilters } from '../../images/types.ts'
import { booleanOf } from '../../kernel/booleans.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeHistory, encodeImage, encodeImageSummary, encodeRemoved, UNCOUNTED } from '../codec/image.ts'
import type { Call } from '../http/call.ts'
import { del, get, post, type Route } from '../http/router.ts'
import { withProgress } from '../http/streams.ts'

const name = (call: Call): string => call.param('name')
const since = (call: Call) => (version: string) => call.since(version)

const LIST_FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until']
const PRUNE_FILTERS = ['dangling', 'label', 'label!', 'until']

function isTrue(key: string, values: string[]): boolean {
  const given = new Set(values.map(booleanOf))
  const [only] = given
  if (given.size === 1 && only !== undefined) return only
  throw new InvalidParameter(`invalid filter '${key}=[${values.join(' ')}]'`)
}

function imageFilters(call: Call, known: readonly string[]): ImageFilters {
  const { dangling, 'label!': labelNot, ...rest } = call.query.filters(known)
  return {
    ...rest,
    ...(labelNot && { labelNot }),
    ...(dangling && dangling.length > 0 && { dangling: isTrue('dangling', dangling) }),
  }
}

async function list(call: Call): Promise<void> {
  const images = await call.services.images.list(imageFilters(call, LIST_FILTERS), { all: call.query.flag('all') })
  call.sendJson(200, encodedList(images, call))
}

/** Answers, by the lists that they are made of and the version that they are for: most ask again before anything has changed. */
const encodedLists = new WeakMap<readonly Image[], Map<string, string>>()

function encodedList(images: readonly Image[], call: Call): string {
  const byVersion = encodedLists.get(images) ?? new Map<string, string>()
  encodedLists.set(images, byVersion)
  const body =
    byVersion.get(call.version) ??
    JSON.stringify(images.map(image => encodeImageSummary(image, UNCOUNTED, since(call))))
  byVersion.set(call.version, body)
  return body
}

async function inspect(call: Call): Promise<void> {
  const image = await call.services.images.resolve(name(call))
  call.send(200, encodeImage(image, since(call)))
}

async function history(call: Call): Promise<void> {
  call.send(200, (await call.services.images.history(name(call))).map(encodeHistory))
}

async function tag(call: Call): Promise<void> {
  await call.services.images.tag(name(call), withTag(call.query.text('repo'), call.query.text('tag')))
  call.empty(201)
}

async function remove(call: Call): Promise<void> {
  const removed = await call.services.images.remove(name(call), {
    force: call.query.flag('force'),
    prune: !call.query.flag('noprune'),
  })
  call.send(200, removed.map(encodeRemoved))
}

async function prune(call: Call): Promise<void> {
  const { removed, reclaimed } = await call.services.images.prune(imageFilters(call, PRUNE_FILTERS))
  call.send(200, {
    ImagesDeleted: removed.length > 0 ? removed.map(encodeRemoved) : null,
    SpaceReclaimed: reclaimed,
  })
}

async function load(call: Call): Promise<void> {
  const quiet = call.query.flag('quiet')
  await withProgress(call, async tell => {
    await call.services.images.load(call.body, step => {
      if (!quiet || 'stream' in step) tell(step)
    })
  })
}

async function save(call: Call): Promise<void> {
  await call.stream('application/x-tar', await call.services.images.save([name(call)]))
}

async function saveSeveral(call: Call): Promise<void> {
  await call.stream('application/x-tar', await call.services.images.save(call.query.all('names')))
}

export const withTag = (repository: string, tag: string): string => (tag === '' ? repository : `${repository}:${tag}`)

export const imageRoutes: Route[] = [
  get('/images/json', list),
  get('/images/get', saveSeveral),
  post('/images/load', load),
  post('/images/prune', prune),
  get('/images/{name*}/json', inspect),
  get('/images/{name*}/history', history),
  get('/images/{name*}/get', save),
  post('/images/{name*}/tag', tag),
  del('/images/{name*}', remove),
]
