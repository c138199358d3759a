/**
 * Which images there are and what they are called:
 *
 *     images/blobs/sha256/HEX      configurations and manifests
 *     images/records/HEX.json      what is known of an image beyond its configuration
 *     images/references.json       full references, each with the id it stands for
 *     images/oci-layout            says what the blobs folder is
 */

import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, writeAtomically } from '../kernel/atomic-file.ts'
import { hasCode, NotFound } from '../kernel/errors.ts'
import { chainIdsOf } from '../snapshots/chains.ts'
import { BlobStore } from './blobs.ts'
import { configFromOci, decodeImage, historyFromOci, type OciImage } from './oci.ts'
import { familiarName, parseReference } from './references.ts'
import type { ChainId, DiffId, Digest, Image, ImageId } from './types.ts'

/** What the configuration does not say. */
export interface ImageRecord {
  parent?: ImageId
  /** RFC 3339 */
  lastTagged?: string
  /** Manifests that the image came with: their blobs are here. */
  manifests?: Digest[]
}

export interface StoredImage {
  id: ImageId
  oci: OciImage
  record: ImageRecord
}

export class ImageStore {
  readonly blobs: BlobStore
  readonly #folder: string
  readonly #images = new Map<ImageId, StoredImage>()
  readonly #references = new Map<string, ImageId>()
  #written: Promise<void> = Promise.resolve()

  private constructor(folder: string, blobs: BlobStore) {
    this.#folder = folder
    this.blobs = blobs
  }

  static async open(dataRoot: string): Promise<ImageStore> {
    const folder = join(dataRoot, 'images')
    await mkdir(join(folder, 'records'), { recursive: true, mode: 0o700 })
    await removeTemporaries(folder)
    await removeTemporaries(join(folder, 'records'))
    const store = new ImageStore(folder, await BlobStore.open(folder))
    await writeAtomically(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n', { durable: false })
    await store.#load()
    return store
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

  /** Keeps a configuration; its digest is the image's id. */
  async add(config: Uint8Array, record: ImageRecord = {}): Promise<StoredImage> {
    const oci = decodeImage(config)
    const id = (await this.blobs.write(config)) as string as ImageId
    const known = this.#images.get(id)
    const image: StoredImage = { id, oci, record: { ...known?.record, ...record } }
    await this.#writeRecord(image)
    this.#images.set(id, image)
    return image
  }

  /** Lets a full reference stand for an image; returns what it stood for before. */
  async setReference(reference: string, id: ImageId, now = new Date()): Promise<ImageId | undefined> {
    const image = this.get(id)
    const previous = this.#references.get(reference)
    this.#references.set(reference, id)
    image.record.lastTagged = now.toISOString()
    await this.#writeRecord(image)
    await this.#writeReferences()
    return previous === id ? undefined : previous
  }

  async removeReference(reference: string): Promise<void> {
    if (this.#references.delete(reference)) await this.#writeReferences()
  }

  /** Forgets an image without references. */
  async delete(id: ImageId): Promise<void> {
    const image = this.#images.get(id)
    this.#images.delete(id)
    await rm(this.#recordPath(id), { force: true })
    for (const digest of [id as string as Digest, ...(image?.record.manifests ?? [])]) {
      const isShared = this.all().some(({ record }) => record.manifests?.includes(digest))
      if (!isShared) await this.blobs.remove(digest)
    }
  }

  async #load(): Promise<void> {
    for (const name of await readdir(join(this.#folder, 'records'))) {
      const id = `sha256:${name.replace(/\.json$/, '')}` as ImageId
      const record = JSON.parse(await readFile(this.#recordPath(id), 'utf8')) as ImageRecord
      this.#images.set(id, { id, oci: decodeImage(await this.blobs.read(id as string as Digest)), record })
    }
    for (const [reference, id] of Object.entries(await this.#readReferences())) {
      if (this.#images.has(id)) this.#references.set(reference, id)
    }
  }

  async #readReferences(): Promise<Record<string, ImageId>> {
    try {
      return JSON.parse(await readFile(join(this.#folder, 'references.json'), 'utf8')) as Record<string, ImageId>
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return {}
      throw error
    }
  }

  /** One after the other: an older state must not be renamed over a newer one. */
  #writeReferences(): Promise<void> {
    const write = async (): Promise<void> => {
      const sorted = Object.fromEntries([...this.#references].sort(([a], [b]) => (a < b ? -1 : 1)))
      const path = join(this.#folder, 'references.json')
      await writeAtomically(path, `${JSON.stringify(sorted, null, 2)}\n`, { durable: true })
    }
    this.#written = this.#written.then(write, write)
    return this.#written
  }

  async #writeRecord({ id, record }: StoredImage): Promise<void> {
    await writeAtomically(this.#recordPath(id), `${JSON.stringify(record, null, 2)}\n`, { durable: false })
  }

  #recordPath(id: ImageId): string {
    return join(this.#folder, 'records', `${id.slice('sha256:'.length)}.json`)
  }
}

export const diffIdsOf = ({ oci }: StoredImage): DiffId[] => oci.rootfs.diff_ids ?? []

/** A digest for each layer: a list of images would consist of little else. The configuration they follow from never changes. */
const chains = new WeakMap<OciImage, readonly ChainId[]>()

export function chainOf(image: StoredImage): readonly ChainId[] {
  const known = chains.get(image.oci)
  if (known !== undefined) return known
  const chain = chainIdsOf(diffIdsOf(image))
  chains.set(image.oci, chain)
  return chain
}

/** The domain's view of a stored image. */
export function describeImage(stored: StoredImage, references: string[], size: number): Image {
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
    comment: oci.comment ?? '',
    created: oci.created,
    lastTagged: record.lastTagged,
    parent: record.parent,
    dockerVersion: oci.docker_version ?? '',
    diffIds,
    chain: [...chainOf(stored)],
    size,
    history: (oci.history ?? []).map(historyFromOci),
  }
}
