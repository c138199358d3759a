/** Pull, push, login and search: the registry's side of the images room. What the API calls it with is in src/api/services.ts. */

import { InvalidParameter, NotFound, SkiffError, Unauthorized, Unavailable } from '../../kernel/errors.ts'
import type { LayerStore } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import {
  familiarName,
  familiarRepository,
  fullName,
  parseReference,
  type Reference,
  repositoryOf,
} from '../references.ts'
import type { ImageEvent, Progress } from '../types.ts'
import type { Credentials } from './authorization.ts'
import { BlobRecords } from './blob-records.ts'
import { type Endpoint, endpointsOf, type RegistryConfig } from './endpoints.ts'
import { type Pulled, pullManifest } from './pull.ts'
import { pushImage } from './push.ts'
import { Repository } from './repository.ts'
import { type FoundImage, searchImages } from './search.ts'
import { RegistryError, Session } from './session.ts'
import { Transfers } from './transfers.ts'

export interface RegistryAuth extends Credentials {
  serverAddress: string
}

export interface RegistryDependencies {
  dataRoot: string
  store: ImageStore
  layers: LayerStore
  config: RegistryConfig
  /** As daemon.json's max-concurrent-downloads and -uploads. */
  maxDownloads: number
  maxUploads: number
  emit(action: ImageEvent['action'], stored: StoredImage, name: string): void
}

type Tell = (step: Progress) => void

export class Registry {
  readonly #downloads: Transfers
  readonly #uploads: Transfers
  readonly #inFlight = new Map()

  private constructor(
    private readonly dependencies: RegistryDependencies,
    private readonly records: BlobRecords,
  ) {
    this.#downloads = new Transfers(dependencies.maxDownloads)
    this.#uploads = new Transfers(dependencies.maxUploads)
  }

  static async open(dependencies: RegistryDependencies): Promise<Registry> {
    return new Registry(dependencies, await BlobRecords.open(dependencies.dataRoot))
  }

  async pull(
    request: { image: string; tag: string; all: boolean; platform: string | null; auth: RegistryAuth | null },
    onProgress: Tell,
    signal: AbortSignal,
  ): Promise<void> {
    const reference = withTagOrDigest(parseReference(request.image), request.tag)
    const all = request.all && reference.tag === undefined && reference.digest === undefined
    await this.#tryEndpoints(reference, 'pull', request.auth, signal, async (repository, endpoint) => {
      const tags = all ? await repository.tags() : [reference.digest ?? reference.tag ?? 'latest']
      for (const tag of tags) await this.#pullOne(repository, endpoint, reference, tag, request.platform, onProgress)
    })
  }

  async push(
    request: { image: string; tag: string; auth: RegistryAuth | null },
    onProgress: Tell,
    signal: AbortSignal,
  ): Promise<void> {
    const reference = withTagOrDigest(parseReference(request.image), request.tag)
    if (reference.digest !== undefined) throw new InvalidParameter('cannot push a digest reference')
    const images = this.#imagesToPush(reference)
    onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` })
    await this.#tryEndpoints(reference, 'push', request.auth, signal, async repository => {
      for (const [tag, stored] of images) {
        const { store, layers, emit } = this.dependencies
        const context = { store, layers, records: this.records, uploads: this.#uploads, onProgress }
        const { digest, size } = await pushImage(context, repository, reference, tag, stored)
        await store.setReference(fullName({ ...reference, tag: undefined, digest }), stored.id)
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
    return searchImages(this.dependencies.config, term, limit, filters)
  }

  /** @throws Unauthorized, Unavailable */
  async login(auth: RegistryAuth): Promise<{ status: string; identityToken: string }> {
    const domain = domainOf(auth.serverAddress)
    let failure: unknown = new Unavailable(`no endpoint for ${domain}`)
    for (const endpoint of await endpointsOf(domain, this.dependencies.config, 'push')) {
      const session = new Session(endpoint, auth, '', AbortSignal.timeout(60_000))
      try {
        const response = await session.send({ method: 'GET', path: '', accept: [200] })
        await response.body.dump()
        return { status: 'Login Succeeded', identityToken: '' }
      } catch (error) {
        failure = error
        if (error instanceof Unauthorized) break
      }
    }
    throw failure
  }

  async #pullOne(
    repository: Repository,
    endpoint: Endpoint,
    reference: Reference,
    tag: string,
    platform: string | null,
    onProgress: Tell,
  ): Promise<void> {
    const { store, layers, emit } = this.dependencies
    const name = familiarRepository(reference)
    const context = {
      store,
      layers,
      records: this.records,
      downloads: this.#downloads,
      inFlight: this.#inFlight,
      onProgress,
    }
    const announce = () => onProgress({ status: `Pulling from ${endpoint.isMirror ? name : reference.path}`, id: tag })
    const wanted = { name: repositoryOf(reference), reference: tag, platform, announce }
    const pulled = await pullManifest(context, repository, wanted)
    const isNew = await this.#name(reference, tag, pulled)
    onProgress({ status: `Digest: ${pulled.digest}` })
    const shown = tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`
    onProgress({
      status: isNew ? `Status: Downloaded newer image for ${shown}` : `Status: Image is up to date for ${shown}`,
    })
    emit('pull', pulled.stored, shown)
  }

  /** Gives a pulled image its names; whether that changed anything. */
  async #name(reference: Reference, tag: string, { stored, digest }: Pulled): Promise<boolean> {
    const { store } = this.dependencies
    const byDigest = fullName({ ...reference, tag: undefined, digest })
    const full = tag.includes(':') ? byDigest : fullName({ ...reference, tag, digest: undefined })
    const isNew = store.idOf(full) !== stored.id
    await store.setReference(byDigest, stored.id)
    if (full !== byDigest) await store.setReference(full, stored.id)
    return isNew
  }

  #imagesToPush(reference: Reference): [tag: string, stored: StoredImage][] {
    const { store } = this.dependencies
    const repository = repositoryOf(reference)
    const found =
      reference.tag === undefined
        ? store.tagsOf(repository).map(([full, id]) => [parseReference(full).tag, id] as const)
        : [[reference.tag, store.idOf(fullName(reference))] as const]
    const images = found.flatMap(([tag, id]) => (tag && id ? [[tag, store.get(id)] as [string, StoredImage]] : []))
    if (images.length === 0)
      throw new NotFound(
        reference.tag === undefined
          ? `An image does not exist locally with the tag: ${familiarRepository(reference)}`
          : `tag does not exist: ${familiarName(reference)}`,
      )
    return images
  }

  /** The first endpoint that can do it. What a registry itself refused is the answer; only a mirror's refusal leads on. */
  async #tryEndpoints(
    reference: Reference,
    purpose: 'pull' | 'push',
    auth: RegistryAuth | null,
    signal: AbortSignal,
    action: (repository: Repository, endpoint: Endpoint) => Promise<void>,
  ): Promise<void> {
    let failure: unknown
    const scope = `repository:${reference.path}:${purpose === 'pull' ? 'pull' : 'pull,push'}`
    for (const endpoint of await endpointsOf(reference.domain, this.dependencies.config, purpose)) {
      const session = new Session(endpoint, endpoint.isMirror ? null : auth, scope, signal)
      try {
        return await action(new Repository(session, reference.path), endpoint)
      } catch (error) {
        signal.throwIfAborted()
        failure = error
        // Https did not answer: plain http comes next, where that is allowed. Anything else has been said by the registry.
        if (!endpoint.isMirror && !(error instanceof Unavailable)) break
      }
    }
    throw worded(failure, reference, purpose)
  }
}

/** `name` and `tag` come apart in the API; the tag may be a digest. */
function withTagOrDigest(reference: Reference, tag: string): Reference {
  if (tag === '') return reference
  return tag.includes(':')
    ? parseReference(`${repositoryOf(reference)}@${tag}`)
    : parseReference(`${repositoryOf(reference)}:${tag}`)
}

const domainOf = (serverAddress: string): string => {
  const host = serverAddress.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host
}

/** Docker's words, which its clients match on. */
function worded(error: unknown, reference: Reference, purpose: 'pull' | 'push'): unknown {
  const name = familiarRepository(reference)
  if (!(error instanceof SkiffError)) return error
  const isDenied =
    error instanceof Unauthorized ||
    (error instanceof RegistryError && (error.status === 403 || error.code === 'DENIED'))
  if (isDenied && purpose === 'pull')
    return new NotFound(
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ${error.message}`,
      { cause: error },
    )
  if (isDenied) return new Unauthorized(`${error.message}`, { cause: error })
  if (purpose === 'pull' && (error instanceof NotFound || (error instanceof RegistryError && error.status === 404))) {
    const words = error.message.startsWith('no matching manifest')
      ? error.message
      : `manifest for ${familiarName(reference)} not found: ${error.message}`
    return new NotFound(words, { cause: error })
  }
  return error
}
