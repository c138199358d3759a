/** Pull, push, login and search: the registry's side of the images room. What the API calls it with is in src/api/services.ts. */

import { InvalidParameter, NotFound, SkiffError, Unauthorized, Unavailable } from '../../kernel/errors.ts'
import type { LayerStore } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { parsePlatform } from '../platforms.ts'
import {
  familiarName,
  familiarRepository,
  fullName,
  isDigest,
  isTag,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../references.ts'
import type { ImageEvent, Progress } from '../types.ts'
import type { Credentials } from './authorization.ts'
import { BlobRecords } from './blob-records.ts'
import { describeRemote, type RemoteDescription } from './describe.ts'
import type { Downloads } from './download.ts'
import { type Endpoint, endpointsOf, parseMirror, type RegistryConfig } from './endpoints.ts'
import { type FetchedArchive, fetchArchive } from './fetch-archive.ts'
import { PartialBlobs } from './partial-blobs.ts'
import { pullImage } from './pull.ts'
import { nameIfThere, pushImage } from './push.ts'
import { RegistryError } from './refusals.ts'
import { Repository } from './repository.ts'
import { type FoundImage, searchIndex, splitTerm } from './search.ts'
import { NO_CREDENTIALS, Session, USUAL_TRIES } from './session.ts'
import { SharedDownloads } from './shared-downloads.ts'
import { Transfers } from './transfers.ts'

export interface RegistryAuth extends Credentials {
  serverAddress: string
}

/** daemon.json's max-concurrent-downloads, max-concurrent-uploads and max-download-attempts. */
export interface TransferLimits {
  downloads: number
  uploads: number
  attempts: number
}

export interface RegistryDependencies {
  dataRoot: string
  store: ImageStore
  layers: LayerStore
  config: RegistryConfig
  limits: TransferLimits
  emit(action: ImageEvent['action'], stored: StoredImage, name: string): void
}

type Tell = (step: Progress) => void
type Purpose = 'pull' | 'push' | 'inspect'

interface OnePull {
  repository: Repository
  endpoint: Endpoint
  reference: Reference
  tag: string
  platform: string | null
  onProgress: Tell
  signal: AbortSignal
}

const LOGIN_TIMEOUT_MS = 60_000

/** Each has a thread, which takes 13 MB; two fill a connection that is not very fast. Registries are asked and told more at once. */
const PACKED_AT_ONCE = 3

export class Registry {
  readonly #downloads: Downloads
  readonly #uploads: Transfers
  readonly #packing = new Transfers(PACKED_AT_ONCE)

  private constructor(
    private readonly dependencies: RegistryDependencies,
    private readonly records: BlobRecords,
    partials: PartialBlobs,
  ) {
    const { limits, layers } = dependencies
    this.#downloads = { transfers: new Transfers(limits.downloads), shared: new SharedDownloads(layers), partials }
    this.#uploads = new Transfers(limits.uploads)
  }

  /** @throws InvalidParameter if a mirror's address is none */
  static async open(dependencies: RegistryDependencies): Promise<Registry> {
    for (const mirror of dependencies.config.mirrors) parseMirror(mirror)
    const { dataRoot } = dependencies
    return new Registry(dependencies, await BlobRecords.open(dataRoot), await PartialBlobs.open(dataRoot))
  }

  async pull(
    request: { image: string; tag: string; all: boolean; platform: string | null; auth: RegistryAuth | null },
    onProgress: Tell,
    signal: AbortSignal,
  ): Promise<void> {
    const reference = withTagOrDigest(parseReference(request.image), request.tag)
    if (request.platform !== null) parsePlatform(request.platform)
    await this.#downloads.partials.removeStale()
    const all = request.all && reference.tag === undefined && reference.digest === undefined
    await this.#tryEndpoints(reference, 'pull', request.auth, signal, async (repository, endpoint) => {
      const tags = all ? await repository.tags() : [reference.digest ?? reference.tag ?? 'latest']
      const { platform } = request
      for (const tag of tags)
        await this.#pullOne({ repository, endpoint, reference, tag, platform, onProgress, signal })
    })
  }

  async push(
    request: { image: string; tag: string; auth: RegistryAuth | null },
    onProgress: Tell,
    signal: AbortSignal,
  ): Promise<void> {
    const reference = withTagOrDigest(parseReference(request.image), request.tag)
    if (reference.digest !== undefined) throw new InvalidParameter('cannot push a digest reference')
    // Before anything is looked up: what is wrong from here on stands in the stream, where Docker's clients expect it.
    onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` })
    const images = this.#imagesToPush(reference)
    await this.#tryEndpoints(reference, 'push', request.auth, signal, async repository => {
      await repository.ping()
      for (const [tag, stored] of images) {
        const { store, layers, emit } = this.dependencies
        const context = {
          store,
          layers,
          records: this.records,
          uploads: this.#uploads,
          packing: this.#packing,
          onProgress,
          signal,
        }
        const { digest, size } = await pushImage(context, repository, reference, tag, stored)
        await nameIfThere(store, fullName({ ...reference, tag: undefined, digest }), stored.id)
        onProgress({ status: `${tag}: digest: ${digest} size: ${size}` })
        onProgress({ aux: { Tag: tag, Digest: digest, Size: size } })
        emit('push', stored, familiarName({ ...reference, tag }))
      }
    })
  }

  async search({
    term,
    limit,
    filters,
  }: {
    term: string
    limit: number
    filters: Record<string, string[]>
  }): Promise<FoundImage[]> {
    const { domain, words } = splitTerm(term)
    return this.#withEndpoints(domain, 'push', endpoint => searchIndex(endpoint, { domain, words, limit, filters }))
  }

  fetch(url: string, signal: AbortSignal): Promise<FetchedArchive> {
    return fetchArchive(url, this.dependencies.config.proxies, signal)
  }

  /** What the registry says of a name, without fetching the image. @throws NotFound, Unauthorized, Unavailable */
  async inspect(image: string, auth: RegistryAuth | null, signal: AbortSignal): Promise<RemoteDescription> {
    const reference = withDefaultTag(parseReference(image))
    const wanted = reference.digest ?? reference.tag!
    return this.#tryEndpoints(reference, 'inspect', auth, signal, repository => describeRemote(repository, wanted))
  }

  /** @throws Unauthorized, Unavailable */
  async login(auth: RegistryAuth): Promise<{ status: string; identityToken: string }> {
    const domain = domainOf(auth.serverAddress)
    const signal = AbortSignal.timeout(LOGIN_TIMEOUT_MS)
    return this.#withEndpoints(domain, 'push', async endpoint => {
      const session = new Session({ endpoint, credentials: auth, scope: '', signal })
      try {
        const response = await session.send({ method: 'GET', path: '', accept: [200] })
        await response.body.dump()
      } catch (error) {
        if (!(error instanceof Unauthorized)) throw error
        throw new Unauthorized(`Get "${endpoint.url}/v2/": ${error.message}`, { cause: error })
      }
      return { status: 'Login Succeeded', identityToken: '' }
    })
  }

  async #pullOne({ repository, endpoint, reference, tag, platform, onProgress, signal }: OnePull): Promise<void> {
    const { store, layers, emit } = this.dependencies
    const name = familiarRepository(reference)
    const context = { store, layers, records: this.records, downloads: this.#downloads, onProgress, signal }
    const isByDigest = tag.includes(':')
    const pulled = await pullImage(context, repository, {
      name: repositoryOf(reference),
      reference: tag,
      platform,
      announce: () =>
        onProgress({ status: `Pulling from ${endpoint.isMirror ? name : reference.path}`, id: tag, isNote: true }),
      references: digest => {
        const byDigest = fullName({ ...reference, tag: undefined, digest })
        return isByDigest ? [byDigest] : [fullName({ ...reference, tag, digest: undefined }), byDigest]
      },
    })
    const shown = isByDigest ? `${name}@${tag}` : `${name}:${tag}`
    onProgress({ status: `Digest: ${pulled.digest}` })
    onProgress({
      status: pulled.isNew ? `Status: Downloaded newer image for ${shown}` : `Status: Image is up to date for ${shown}`,
    })
    emit('pull', pulled.stored, shown)
  }

  #imagesToPush(reference: Reference): [tag: string, stored: StoredImage][] {
    const { store } = this.dependencies
    const repository = repositoryOf(reference)
    const found =
      reference.tag === undefined
        ? store.tagsOf(repository).map(([full, id]) => [parseReference(full).tag, id] as const)
        : [[reference.tag, store.idOf(fullName(reference))] as const]
    const images = found.flatMap(([tag, id]) => (tag && id ? [[tag, store.get(id)] as [string, StoredImage]] : []))
    if (images.length > 0) return images
    const hasOthers = store.tagsOf(repository).length > 0
    throw new NotFound(
      hasOthers
        ? `tag does not exist: ${familiarName(reference)}`
        : `An image does not exist locally with the tag: ${familiarRepository(reference)}`,
    )
  }

  async #tryEndpoints<T>(
    reference: Reference,
    purpose: Purpose,
    auth: RegistryAuth | null,
    signal: AbortSignal,
    action: (repository: Repository, endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const scope = `repository:${reference.path}:${purpose === 'push' ? 'pull,push' : 'pull'}`
    const maxTries = purpose === 'push' ? USUAL_TRIES : this.dependencies.limits.attempts
    let url = ''
    try {
      return await this.#withEndpoints(reference.domain, purpose === 'push' ? 'push' : 'pull', endpoint => {
        const credentials = endpoint.isMirror ? null : auth
        url = endpoint.url
        const session = new Session({ endpoint, credentials, scope, signal, maxTries })
        return action(new Repository(session, reference.path), endpoint)
      })
    } catch (error) {
      signal.throwIfAborted()
      throw worded(error, reference, purpose, url)
    }
  }

  /** The first endpoint that can do it. What a registry itself refused is the answer; only a mirror's refusal leads on. */
  async #withEndpoints<T>(
    domain: string,
    purpose: 'pull' | 'push',
    action: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const endpoints = await endpointsOf(domain, this.dependencies.config, purpose)
    let failure: unknown
    try {
      for (const endpoint of endpoints) {
        try {
          return await action(endpoint)
        } catch (error) {
          failure = error
          // Https did not answer: plain http comes next, where that is allowed. Anything else has been said by the registry.
          const leadsOn = endpoint.isMirror || (endpoint.isFirstGuess && error instanceof Unavailable)
          if (!leadsOn) break
        }
      }
    } finally {
      for (const { dispatcher } of endpoints) await dispatcher.destroy()
    }
    throw failure
  }
}

/** `name` and `tag` come apart in the API; the tag may be a digest. */
function withTagOrDigest(reference: Reference, tag: string): Reference {
  if (tag === '') return reference
  if (isDigest(tag)) return parseReference(`${repositoryOf(reference)}@${tag}`)
  if (!isTag(tag)) throw new InvalidParameter('invalid tag format')
  return { ...reference, tag, digest: undefined }
}

const domainOf = (serverAddress: string): string => {
  const host = serverAddress.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host
}

/** Docker's words, which its clients match on. */
function worded(error: unknown, reference: Reference, purpose: Purpose, url: string): unknown {
  const name = familiarRepository(reference)
  if (!(error instanceof SkiffError)) return error
  if (error.message === NO_CREDENTIALS) {
    if (purpose === 'push') return error
    // Not Unauthorized: at 401 Docker's client asks for a name and a password, on a terminal or not, and a script would wait for ever.
    const manifest = `${url}/v2/${reference.path}/manifests/${reference.digest ?? reference.tag ?? 'latest'}`
    return new RegistryError(`Head "${manifest}": ${NO_CREDENTIALS}`, 401, '')
  }
  const isDenied =
    error instanceof Unauthorized ||
    (error instanceof RegistryError && (error.status === 403 || error.code === 'DENIED'))
  if (isDenied && purpose === 'pull')
    return new NotFound(
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ${error.message}`,
      { cause: error },
    )
  if (isDenied) return new Unauthorized(`${error.message}`, { cause: error })
  if (purpose === 'inspect' && error instanceof RegistryError && error.status === 404)
    return new NotFound(error.message, { cause: error })
  if (purpose === 'pull' && (error instanceof NotFound || (error instanceof RegistryError && error.status === 404))) {
    const words = error.message.startsWith('no matching manifest')
      ? error.message
      : `manifest for ${familiarName(reference)} not found: ${error.message}`
    return new NotFound(words, { cause: error })
  }
  return error
}
