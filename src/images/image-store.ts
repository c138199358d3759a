/**
 * Which images there are and what they are called:
 *
 *     images/blobs/sha256/HEX      configurations and manifests
 *     images/records/HEX.json      what is known of an image beyond its configuration
 *     images/references.json       full references, each with the id it stands for
 *     images/oci-layout            says what the blobs folder is
 */

import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, writeAtomically } from '../kernel/atomic-file.ts'
import { hasCode, NotFound } from '../kernel/errors.ts'
import { isObject, type Salvage } from '../kernel/salvage.ts'
import { chainIdsOf } from '../snapshots/chains.ts'
import { BlobStore, digestOf } from './blobs.ts'
import { configFromOci, decodeImage, historyFromOci, type OciImage } from './oci.ts'
import { familiarName, isDigest, parseReference } from './references.ts'
import type { ChainId, DiffId, Digest, Image, ImageId } from './types.ts'

/** What the configuration does not say. */
export interface ImageRecord {
  parent?: ImageId
  /** RFC 3339 */
  lastTagged?: string
  /** Manifests that the image came with: their blobs are here. */
  manifests?: Digest[]
}

const isImageRecord = (value: unknown): value is ImageRecord => isObject(value)
const isReferences = (value: unknown): value is Record<string, ImageId> =>
  isObject(value) && Object.values(value).every(id => typeof id === 'string' && isDigest(id))

export interface StoredImage {
  id: ImageId
  oci: OciImage
  record: ImageRecord
}

export interface NewImage {
  /** Its digest is the image's id. */
  config: Uint8Array
  record?: Omit<ImageRecord, 'manifests'>
  /** Manifests and indexes that it came with. */
  documents?: readonly Uint8Array[]
  /** In full. */
  references?: readonly string[]
  /** A user has given it these names here: neither a pull nor a load is that. */
  isTagged?: boolean
}

export class ImageStore {
  readonly blobs: BlobStore
  readonly #folder: string
  readonly #images = new Map<ImageId, StoredImage>()
  readonly #references = new Map<string, ImageId>()
  #turn: Promise<unknown> = Promise.resolve()
  #generation = 0

  private constructor(
    folder: string,
    blobs: BlobStore,
    private readonly salvage: Salvage,
    private readonly settleLayers: () => Promise<void>,
  ) {
    this.#folder = folder
    this.blobs = blobs
  }

  /** `settleLayers`: makes the layers that were placed survive a power cut. */
  static async open(dataRoot: string, salvage: Salvage, settleLayers: () => Promise<void>): Promise<ImageStore> {
    const folder = join(dataRoot, 'images')
    await mkdir(join(folder, 'records'), { recursive: true, mode: 0o700 })
    await removeTemporaries(folder)
    await removeTemporaries(join(folder, 'records'))
    const store = new ImageStore(folder, await BlobStore.open(folder), salvage, settleLayers)
    await describeLayout(join(folder, 'oci-layout'))
    await store.#load()
    return store
  }

  /** Another number whenever anything has changed: what was made of images before may be out of date then. */
  get generation(): number {
    return this.#generation
  }

  all(): StoredImage[] {
    return [...this.#images.values()]
  }

  find(id: ImageId): StoredImage | undefined {
    return this.#images.get(id)
  }

  /** @throws NotFound */
  get(id: ImageId): StoredImage {
    const image = this.#images.get(id)
    if (image === undefined) throw new NotFound(`No such image: ${id}`)
    return image
  }

  childrenOf(id: ImageId): StoredImage[] {
    return this.all().filter(({ record }) => record.parent === id)
  }

  idOf(reference: string): ImageId | undefined {
    return this.#references.get(reference)
  }

  /** Full references of an image, sorted. */
  referencesOf(id: ImageId): string[] {
    return [...this.#references]
      .filter(([, target]) => target === id)
      .map(([name]) => name)
      .sort()
  }

  /** Full references with a tag, of a repository (`docker.io/library/busybox`). */
  tagsOf(repository: string): [reference: string, id: ImageId][] {
    return [...this.#references].filter(
      ([name]) => /^:[^/@]+$/.test(name.slice(repository.length)) && name.startsWith(repository),
    )
  }

  /**
   * One after the other: what an image is called and whether it is there must not change between a look and a deed. Whoever
   * stands in `work` already calls removeReference and delete, and nothing that waits for its turn.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work, work)
    this.#turn = done.catch(() => {})
    return done
  }

  /**
   * Keeps an image, its documents and its names, at once. `renamed`: the references that stood for another one, or none.
   * The image survives a power cut when this resolves.
   */
  async add({ config, record = {}, documents = [], references = [], isTagged = false }: NewImage): Promise<{
    stored: StoredImage
    renamed: string[]
  }> {
    // Before what refers to them: an image that is there has its layers.
    await this.settleLayers()
    return this.exclusively(async () => {
      const manifests = documents.map(digestOf)
      const oci = decodeImage(config)
      const id = digestOf(config) as string as ImageId
      const known = this.#images.get(id)
      const all = [...new Set([...(known?.record.manifests ?? []), ...manifests])]
      const stored: StoredImage = {
        id,
        oci,
        record: { ...known?.record, ...record, ...(all.length > 0 ? { manifests: all } : {}) },
      }
      if (isTagged) setTagged(stored, new Date())
      await this.blobs.writeAll([...documents, config], [this.#recordFile(stored)])
      this.#put(stored)
      const renamed = references.filter(reference => this.#references.get(reference) !== id)
      if (references.length > 0) await this.#refer(stored, references)
      return { stored, renamed }
    })
  }

  /** Images that nobody has asked for by themselves: a power cut may take them. Their layers are there for certain all the same. */
  async addSteps(images: readonly Pick<NewImage, 'config' | 'record'>[]): Promise<void> {
    if (images.length === 0) return
    await this.settleLayers()
    await this.exclusively(async () => {
      for (const { config, record } of images) {
        const id = (await this.blobs.writeHastily(config)) as string as ImageId
        if (this.#images.has(id)) continue
        const stored = { id, oci: decodeImage(config), record: { ...record } }
        await this.#writeRecord(stored, { durable: false })
        this.#put(stored)
      }
    })
  }

  /** Lets a full reference stand for an image; returns what it stood for before. `taggedAt` if a user has asked for it. @throws NotFound */
  setReference(reference: string, id: ImageId, taggedAt: Date | null = new Date()): Promise<ImageId | undefined> {
    return this.exclusively(async () => {
      const previous = this.#references.get(reference)
      const image = this.get(id)
      if (taggedAt !== null) {
        setTagged(image, taggedAt)
        this.#generation++
        await this.#writeRecord(image)
      }
      await this.#refer(image, [reference])
      return previous === id ? undefined : previous
    })
  }

  /** In exclusively() only. */
  async removeReference(reference: string): Promise<void> {
    if (!this.#references.delete(reference)) return
    this.#generation++
    await this.#writeReferences()
  }

  /** Forgets an image without references; in exclusively() only. */
  async delete(id: ImageId): Promise<void> {
    const image = this.#images.get(id)
    this.#images.delete(id)
    this.#generation++
    await rm(this.#recordPath(id), { force: true })
    for (const digest of [id as string as Digest, ...(image?.record.manifests ?? [])]) {
      const isShared = this.all().some(({ record }) => record.manifests?.includes(digest))
      if (!isShared) await this.blobs.remove(digest)
    }
  }

  #put(image: StoredImage): void {
    this.#images.set(image.id, image)
    this.#generation++
  }

  async #refer(image: StoredImage, references: readonly string[]): Promise<void> {
    for (const reference of references) this.#references.set(reference, image.id)
    this.#generation++
    await this.#writeReferences()
  }

  async #load(): Promise<void> {
    const references = await this.#readReferences()
    const recorded = (await readdir(join(this.#folder, 'records'))).map(
      name => `sha256:${name.replace(/\.json$/, '')}` as ImageId,
    )
    const named = new Set(Object.values(references))
    // What has a name was an image, also if its record is missing.
    for (const id of new Set([...recorded, ...named])) await this.#loadOne(id, named.has(id))
    for (const [reference, id] of Object.entries(references)) {
      if (this.#images.has(id)) this.#references.set(reference, id)
      else this.salvage.report(reference, `the image ${id} is missing`, 'the name stands for nothing any more')
    }
    // Where something is damaged, nobody knows whose a document is.
    if (await this.salvage.keepsAny()) return
    // Of pulls that were interrupted between a document and the image it belongs to.
    const needed = this.all().flatMap(({ id, record }) => [id as string as Digest, ...(record.manifests ?? [])])
    await this.blobs.keepOnly(new Set(needed))
  }

  async #loadOne(id: ImageId, isNamed: boolean): Promise<void> {
    const path = this.#recordPath(id)
    const record = await this.salvage.read(
      path,
      isImageRecord,
      'the image is kept, without what was known of its origin',
      { unsynced: !isNamed },
    )
    const digest = id as string as Digest
    try {
      const image = { id, oci: decodeImage(await this.blobs.read(digest)), record: record ?? {} }
      if (record === undefined) await this.#writeRecord(image)
      this.#put(image)
    } catch (error) {
      if (!isNamed && (await this.blobs.isEmpty(digest))) {
        // A power cut took a step that nobody had asked for by itself: addSteps().
        await rm(path, { force: true })
        await this.blobs.remove(digest)
        return
      }
      await this.salvage.putAside(path, error, `the image ${id} is lost: load or pull it again`)
      await this.salvage.putAside(this.blobs.pathOf(digest), error, `the image ${id} is lost: load or pull it again`)
    }
  }

  async #readReferences(): Promise<Record<string, ImageId>> {
    const path = join(this.#folder, 'references.json')
    return (await this.salvage.read(path, isReferences, 'images are there and have lost their names')) ?? {}
  }

  async #writeReferences(): Promise<void> {
    const sorted = Object.fromEntries([...this.#references].sort(([a], [b]) => (a < b ? -1 : 1)))
    const path = join(this.#folder, 'references.json')
    await writeAtomically(path, `${JSON.stringify(sorted, null, 2)}\n`, { durable: true })
  }

  async #writeRecord(image: StoredImage, { durable = true } = {}): Promise<void> {
    const { path, data } = this.#recordFile(image)
    await writeAtomically(path, data, { durable })
  }

  #recordFile({ id, record }: StoredImage): { path: string; data: string } {
    return { path: this.#recordPath(id), data: `${JSON.stringify(record, null, 2)}\n` }
  }

  #recordPath(id: ImageId): string {
    return join(this.#folder, 'records', `${id.slice('sha256:'.length)}.json`)
  }
}

/** For other tools. On a full disk the daemon starts without: to remove something. */
async function describeLayout(path: string): Promise<void> {
  try {
    await writeAtomically(path, '{"imageLayoutVersion":"1.0.0"}\n', { durable: false })
  } catch (error) {
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error
  }
}

function setTagged(image: StoredImage, now: Date): StoredImage {
  image.record.lastTagged = now.toISOString()
  return image
}

export const diffIdsOf = ({ oci }: StoredImage): DiffId[] => oci.rootfs.diff_ids ?? []

/** By configuration, which never changes: all images are asked again and again for what they keep. */
const chains = new WeakMap<OciImage, readonly ChainId[]>()

export function chainOf({ oci }: Pick<StoredImage, 'oci'>): readonly ChainId[] {
  let chain = chains.get(oci)
  if (chain === undefined) {
    chain = chainIdsOf(oci.rootfs.diff_ids ?? [])
    chains.set(oci, chain)
  }
  return chain
}

/** The domain's view of a stored image. */
export function describeImage(
  stored: StoredImage,
  references: string[],
  { size, graphDriver }: Pick<Image, 'size' | 'graphDriver'>,
): Image {
  const { id, oci, record } = stored
  const parsed = references.map(parseReference)
  const diffIds = diffIdsOf(stored)
  return {
    id,
    repoTags: parsed.filter(({ digest }) => digest === undefined).map(familiarName),
    repoDigests: parsed.filter(({ digest }) => digest !== undefined).map(familiarName),
    config: configFromOci(oci.config),
    architecture: oci.architecture ?? '',
    variant: oci.variant,
    os: oci.os ?? '',
    osVersion: oci['os.version'],
    author: oci.author ?? '',
    comment: oci.comment || (oci.history?.at(-1)?.comment ?? ''),
    created: oci.created,
    lastTagged: record.lastTagged,
    parent: record.parent,
    dockerVersion: oci.docker_version ?? '',
    diffIds,
    chain: chainIdsOf(diffIds),
    size,
    graphDriver,
    history: (oci.history ?? []).map(historyFromOci),
  }
}
