/** Builds and their cache. Engine API reference, "ImageBuild", "BuildPrune". */

import { Readable } from 'node:stream'
import type { BuildEvent, BuildResult, PullImage } from '../../build/types.ts'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import { decodeBuild } from '../codec/build-request.ts'
import { ClassicLines, describeFailure, encodeBuildFailure, type Line } from '../codec/build-stream.ts'
import { registryConfig } from '../codec/registry-auth.ts'
import type { Call } from '../http/call.ts'
import { get, post, type Route } from '../http/router.ts'

async function build(call: Call): Promise<void> {
  const { request, events, quiet, remote } = decodeBuild(
    call.query,
    call.request.headers['x-skiff-build'],
    pullWith(call),
  )
  const answer = new Answer(call, quiet)
  const classic = new ClassicLines(line => answer.line(line))
  const tell = events ? (event: BuildEvent) => answer.line({ build: event }) : classic.tell.bind(classic)
  try {
    const source = remote === '' ? { context: call.body, dockerfile: null } : await fetchContext(remote, call.signal)
    const asked = source.dockerfile === null ? request : { ...request, inlineDockerfile: source.dockerfile }
    const result = await call.services.builds.build(asked, source.context, tell, call.signal)
    if (quiet) answer.only({ stream: `${result.image}\n` })
    else if (events) answer.line({ build: { kind: 'done', ...result } })
    else classic.done(named(result))
  } catch (error) {
    if (!answer.begun && !events) throw error
    call.log.debug({ err: error }, 'a build failed')
    answer.flush()
    if (events) answer.line({ build: { kind: 'failed', ...describeFailure(error) } })
    answer.line(encodeBuildFailure(error))
  }
  call.response.end()
}

/** As Docker shows names: with their tag. */
const named = ({ image, tags }: BuildResult): BuildResult => ({
  image,
  tags: tags.map(tag => (/:[^/]+$/.test(tag) ? tag : `${tag}:latest`)),
})

/** Lines, or with `q` nothing but the last one, unless the build fails. */
class Answer {
  readonly #call: Call
  readonly #kept: Line[] | null
  begun = false

  constructor(call: Call, quiet: boolean) {
    this.#call = call
    this.#kept = quiet ? [] : null
  }

  line(line: Line): void {
    this.begun = true
    if (this.#kept !== null) this.#kept.push(line)
    else this.#write(line)
  }

  only(line: Line): void {
    this.#write(line)
  }

  flush(): void {
    for (const line of this.#kept?.splice(0) ?? []) this.#write(line)
  }

  #write(line: Line): void {
    const { response } = this.#call
    if (response.destroyed) return
    if (!response.headersSent) this.#call.begin('application/json')
    // Steps that are found in the cache come at once: one packet for all that is told in one go.
    if (response.writableCorked === 0) {
      response.cork()
      process.nextTick(() => response.uncork())
    }
    response.write(`${JSON.stringify(line)}\r\n`)
  }
}

/** Base images come with the credentials that X-Registry-Config has for their registry. */
function pullWith(call: Call): PullImage | null {
  const { registry } = call.services
  if (registry === null) return null
  const authFor = registryConfig(call.request.headers['x-registry-config'])
  return (reference, onProgress, signal) => {
    const digest = reference.lastIndexOf('@')
    const colon = digest >= 0 ? digest : reference.lastIndexOf(':')
    const hasTag = digest >= 0 || colon > reference.lastIndexOf('/')
    const [image, tag] = hasTag ? [reference.slice(0, colon), reference.slice(colon + 1)] : [reference, 'latest']
    return registry.pull({ image, tag, all: false, platform: null, auth: authFor(image) }, onProgress, signal)
  }
}

/** `remote`: an archive, or a Dockerfile alone. */
async function fetchContext(
  url: string,
  signal: AbortSignal,
): Promise<{ context: Readable; dockerfile: string | null }> {
  if (!/^https?:\/\//.test(url) || /\.git(#.*)?$/.test(url)) {
    throw new InvalidParameter(
      `remote context ${url} is refused: skiff fetches archives and Dockerfiles by http and https`,
    )
  }
  let answer: Response
  try {
    answer = await fetch(url, { signal })
  } catch (error) {
    throw new Unavailable(`error downloading remote context ${url}: ${String(error)}`, { cause: error })
  }
  if (!answer.ok) throw new InvalidParameter(`error downloading remote context ${url}: status ${answer.status}`)
  const content = Buffer.from(await answer.arrayBuffer())
  const isText = (answer.headers.get('content-type') ?? '').startsWith('text/plain') || !isArchive(content)
  if (isText) return { context: Readable.from([Buffer.alloc(1024)]), dockerfile: content.toString('utf8') }
  return { context: Readable.from([content]), dockerfile: null }
}

const MAGIC = ['1f8b', '28b52ffd', '425a68', 'fd377a585a00']

const isArchive = (content: Buffer): boolean =>
  MAGIC.some(magic => content.subarray(0, 6).toString('hex').startsWith(magic)) ||
  content.subarray(257, 262).toString() === 'ustar'

/** skiff's own: the files of an image, for `build --output`. */
async function tree(call: Call): Promise<void> {
  await call.stream('application/x-tar', await call.services.builds.tree(call.query.text('image')))
}

async function prune(call: Call): Promise<void> {
  const filters = call.query.filters([
    'until',
    'id',
    'parent',
    'type',
    'description',
    'inuse',
    'shared',
    'private',
    'label',
    'label!',
  ])
  const { removed, reclaimed } = await call.services.builds.prune({
    all: call.query.flag('all'),
    keepBytes: call.query.int('keep-storage', 0),
    filters,
  })
  call.send(200, { CachesDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimed })
}

export const buildRoutes: Route[] = [post('/build', build), get('/build/tree', tree), post('/build/prune', prune)]
