/** The images room's service: everything that images can do, by the rules of the files beside this one. */

import type { Readable } from 'node:stream'
import { InvalidParameter, NotFound } from '../kernel/errors.ts'
import { Salvage } from '../kernel/salvage.ts'
import type { LayerStore } from '../snapshots/layers.ts'
import type { SnapshotRoom } from '../snapshots/service.ts'
import { BUILTINS } from './builtin/index.ts'
import { commitImage, composeImage, importImage } from './create.ts'
import { applyFilters, createdMs, type ResolvedFilters } from './filters.ts'
import { chainOf, describeImage, ImageStore, type StoredImage } from './image-store.ts'
import { diskUsage, graphDriverOf, historyOf } from './inspect.ts'
import { treeOf } from './layer-tree.ts'
import { loadImages } from './load-images.ts'
import {
  familiarName,
  fullName,
  isBareId,
  isDigest,
  parseReference,
  repositoryOf,
  storedName,
  withDefaultTag,
} from './references.ts'
import { Registry, type RegistryDependencies } from './registry/registry.ts'
import { isIdPrefix, isNameOf, removeImage } from './remove.ts'
import { type SavedImage, saveImages } from './save.ts'
import type {
  CommitOptions,
  ComposeOptions,
  HistoryLine,
  Image,
  ImageDiskUsage,
  ImageEvent,
  ImageFilters,
  ImageId,
  Images,
  ImageTree,
  ImageUse,
  ImportOptions,
  Progress,
  Removed,
} from './types.ts'

export interface ImagesDependencies {
  dataRoot: string
  room: SnapshotRoom
  /** Which containers use an image: asked whenever one is removed. */
  usesOf: (id: ImageId) => ImageUse[]
  /** Who is told of what is damaged. */
  salvage?: Salvage
}

export type RegistryOptions = Omit<RegistryDependencies, 'store' | 'layers' | 'emit'>

/** Opens the state beneath `dataRoot`. */
export async function openImages({
  dataRoot,
  room,
  usesOf,
  salvage = new Salvage(dataRoot),
}: ImagesDependencies): Promise<ImageService> {
  const store = await ImageStore.open(dataRoot, salvage, () => room.layers.settle())
  room.layers.addUser(() => store.all().flatMap(chainOf))
  await room.layers.allowSweeps()
  reportMissingLayers(store, room.layers, salvage)
  return new ImageService(store, room, { dataRoot, usesOf })
}

function reportMissingLayers(store: ImageStore, layers: LayerStore, salvage: Salvage): void {
  for (const image of store.all()) {
    const missing = chainOf(image).filter(chain => layers.find(chain) === undefined)
    if (missing.length === 0) continue
    const name = store.referencesOf(image.id).map(reference => familiarName(parseReference(reference)))[0] ?? image.id
    salvage.report(name, `layers are missing: ${missing.join(', ')}`, 'load or pull the image again')
  }
}

export class ImageService implements Images {
  readonly #store: ImageStore
  readonly #room: SnapshotRoom
  readonly #layers: LayerStore
  readonly #dataRoot: string
  readonly #usesOf: (id: ImageId) => ImageUse[]
  readonly #listeners = new Set<(event: ImageEvent) => void>()
  /** What was made of the images and layers that there are: images by their configurations, lists by their names. */
  readonly #made = new Map<string | object, unknown>()
  #madeOf = ''
  /** Built-in images that are being made: whoever asks meanwhile waits for the same one. */
  readonly #making = new Map<string, Promise<StoredImage>>()

  constructor(
    store: ImageStore,
    room: SnapshotRoom,
    { dataRoot, usesOf }: Pick<ImagesDependencies, 'dataRoot' | 'usesOf'>,
  ) {
    this.#store = store
    this.#room = room
    this.#layers = room.layers
    this.#usesOf = usesOf
    this.#dataRoot = dataRoot
  }

  async resolve(name: string): Promise<Image> {
    return this.#describe(await this.#find(name))
  }

  async find(id: ImageId): Promise<Image | undefined> {
    const stored = this.#store.find(id)
    return stored && this.#describe(stored)
  }

  async list(filters: ImageFilters = {}, { all = false }: { all?: boolean } = {}): Promise<readonly Image[]> {
    if (Object.keys(filters).length > 0) return this.#list(filters, all)
    return this.#once(`list ${all}`, () => this.#list(filters, all))
  }

  async #list(filters: ImageFilters, all: boolean): Promise<readonly Image[]> {
    const resolved = await this.#resolveFilters(filters)
    const parents = new Set(this.#store.all().map(({ record }) => record.parent))
    const now = Date.now()
    return this.#store
      .all()
      .map(stored => this.#describe(stored))
      .filter(image => all || image.repoTags.length + image.repoDigests.length > 0 || !parents.has(image.id))
      .map(image => applyFilters(image, resolved, now))
      .filter(image => image !== undefined)
      .sort((a, b) => createdMs(b) - createdMs(a))
  }

  async tag(source: string, target: string): Promise<void> {
    const stored = await this.#find(source)
    const reference = parseReference(target)
    if (reference.digest !== undefined) throw new InvalidParameter('refusing to create a tag with a digest reference')
    await this.#name(stored, target)
    this.#emit('tag', stored, familiarName(withDefaultTag(reference)))
  }

  async remove(name: string, options: { force: boolean; prune: boolean }): Promise<Removed[]> {
    return this.#store.exclusively(async () => removeImage(this.#removal(), this.#lookUp(name), name, options))
  }

  async prune(filters: ImageFilters): Promise<{ removed: Removed[]; reclaimed: number }> {
    const before = this.#layersSize()
    const onlyDangling = filters.dangling ?? true
    const { dangling: _, ...others } = filters
    const removed: Removed[] = []
    for (const image of await this.list(onlyDangling ? { ...others, dangling: true } : others)) {
      if (this.#usesOf(image.id).length > 0) continue
      const names = [...image.repoTags, ...image.repoDigests]
      for (const name of names.length > 0 ? names : [image.id]) removed.push(...(await this.#removeIfThere(name)))
    }
    return { removed, reclaimed: Math.max(before - this.#layersSize(), 0) }
  }

  async importRootfs(archive: Readable, options: ImportOptions): Promise<Image> {
    const stored = await importImage(this.#store, this.#layers, archive, options)
    this.#emit('import', stored, stored.id)
    const { reference } = options
    if (reference !== undefined) this.#emit('tag', stored, familiarName(withDefaultTag(parseReference(reference))))
    return this.#describe(stored)
  }

  async load(archive: Readable, onProgress: (step: Progress) => void): Promise<Image[]> {
    const loaded = await loadImages(this.#store, this.#room, archive, onProgress)
    for (const { stored, names } of loaded) {
      for (const name of names) {
        const replaced = await this.#store.setReference(storedName(name), stored.id, null)
        const shown = familiarName(parseReference(name))
        if (replaced !== undefined) {
          onProgress({
            stream: `The image ${shown} already exists, renaming the old one with ID ${replaced} to empty string\n`,
          })
        }
        onProgress({ stream: `Loaded image: ${shown}\n` })
      }
      if (names.length === 0) onProgress({ stream: `Loaded image ID: ${stored.id}\n` })
      this.#emit('load', stored, stored.id)
    }
    return loaded.map(({ stored }) => this.#describe(stored))
  }

  async save(names: string[]): Promise<Readable> {
    const wanted: SavedImage[] = []
    for (const name of names) wanted.push(...(await this.#toSave(name)))
    for (const { stored } of wanted) this.#emit('save', stored, stored.id)
    return saveImages(this.#store, this.#layers, wanted)
  }

  async commit(options: CommitOptions): Promise<Image> {
    const stored = await commitImage(this.#store, this.#layers, options)
    const { reference } = options
    if (reference !== undefined) this.#emit('tag', stored, familiarName(withDefaultTag(parseReference(reference))))
    return this.#describe(stored)
  }

  async compose(options: ComposeOptions, steps: readonly ComposeOptions[], names: readonly string[]): Promise<Image> {
    const references = names.map(storedName)
    const { stored, renamed } = await composeImage(this.#store, options, steps, references)
    for (const reference of renamed) this.#emit('tag', stored, familiarName(parseReference(reference)))
    return this.#describe(stored)
  }

  async history(name: string): Promise<HistoryLine[]> {
    return historyOf(this.#store, this.#layers, await this.#find(name))
  }

  async diskUsage(): Promise<{ layersSize: number; images: ImageDiskUsage[] }> {
    return this.#once('usage', () => diskUsage(this.#store, this.#layers, stored => this.#describe(stored)))
  }

  async tree(name: string, { withFiles }: { withFiles: boolean }): Promise<ImageTree> {
    const stored = await this.#find(name)
    const options = { dataRoot: this.#dataRoot, withFiles }
    // Walking takes its time: nothing of it is swept meanwhile.
    const tree = await this.#layers.keeping(() => treeOf(this.#store, this.#room, stored, options))
    return { image: this.#describe(stored), ...tree }
  }

  /** What speaks to registries, on top of this service's store. */
  registry(options: RegistryOptions): Promise<Registry> {
    const emit = (action: ImageEvent['action'], stored: StoredImage, name: string) => this.#emit(action, stored, name)
    return Registry.open({ ...options, store: this.#store, layers: this.#layers, emit })
  }

  subscribe(listener: (event: ImageEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Makes a built-in image when it is asked for. @throws NotFound, InvalidParameter */
  async #find(name: string): Promise<StoredImage> {
    try {
      return this.#lookUp(name)
    } catch (error) {
      const builtin = error instanceof NotFound && !isDigest(name) && !isBareId(name)
      const made = builtin ? await this.#builtin(storedName(name)) : undefined
      if (made !== undefined) return made
      throw error
    }
  }

  /** @throws NotFound, InvalidParameter */
  #lookUp(name: string): StoredImage {
    if (isDigest(name) || isBareId(name)) {
      const stored = this.#store.find((isBareId(name) ? `sha256:${name}` : name) as ImageId)
      if (stored === undefined) throw new NotFound(`No such image: ${isBareId(name) ? `sha256:${name}` : name}`)
      return stored
    }
    const reference = withDefaultTag(parseReference(name))
    const id = this.#store.idOf(fullName(reference))
    if (id !== undefined) return this.#store.get(id)
    const byPrefix = this.#findByPrefix(name)
    if (byPrefix !== undefined) return byPrefix
    throw new NotFound(`No such image: ${familiarName(reference)}`)
  }

  /** An id stands for an image without a name, a repository for all of its tags. */
  async #toSave(name: string): Promise<SavedImage[]> {
    if (!isDigest(name) && !isBareId(name)) {
      const reference = parseReference(name)
      const isRepository = reference.tag === undefined && reference.digest === undefined
      const tagged = isRepository ? this.#store.tagsOf(repositoryOf(reference)) : []
      if (tagged.length > 0) return tagged.map(([full, id]) => ({ stored: this.#store.get(id), references: [full] }))
    }
    const stored = await this.#find(name).catch(error => {
      throw error instanceof NotFound ? new NotFound(`No such image: ${name}`) : error
    })
    const isNamed = isNameOf(this.#store, stored.id, name)
    return [{ stored, references: isNamed ? [fullName(withDefaultTag(parseReference(name)))] : [] }]
  }

  #findByPrefix(name: string): StoredImage | undefined {
    if (!/^(sha256:)?[0-9a-f]+$/.test(name)) return undefined
    const found = this.#store.all().filter(({ id }) => isIdPrefix(id, name))
    if (found.length > 1) throw new InvalidParameter(`multiple IDs found with provided prefix: ${name}`)
    return found[0]
  }

  async #builtin(name: string): Promise<StoredImage | undefined> {
    const make = BUILTINS[name]
    if (make === undefined) return undefined
    let making = this.#making.get(name)
    if (making === undefined) {
      making = make(this.#store, this.#layers).finally(() => this.#making.delete(name))
      this.#making.set(name, making)
    }
    const stored = await making
    await this.#name(stored, name)
    return stored
  }

  #name(stored: StoredImage, name: string): Promise<ImageId | undefined> {
    return this.#store.setReference(storedName(name), stored.id)
  }

  #describe(stored: StoredImage): Image {
    return this.#once(stored.oci, () => {
      const stack = chainOf(stored).flatMap(chain => this.#layers.find(chain) ?? [])
      return describeImage(stored, this.#store.referencesOf(stored.id), {
        size: this.#layers.sizeOf(stack.map(({ name }) => name)),
        graphDriver: graphDriverOf(this.#layers, stack),
      })
    })
  }

  /** The same until an image or a layer changes. */
  #once<T>(key: string | object, make: () => T): T {
    const now = `${this.#store.generation} ${this.#layers.generation}`
    if (this.#madeOf !== now) this.#made.clear()
    this.#madeOf = now
    const earlier = this.#made.get(key) as T | undefined
    if (earlier !== undefined) return earlier
    const made = make()
    this.#made.set(key, made)
    return made
  }

  async #resolveFilters(filters: ImageFilters): Promise<ResolvedFilters> {
    const resolveAll = (names: string[] = []): Promise<Image[]> => Promise.all(names.map(name => this.resolve(name)))
    const [before, since] = await Promise.all([resolveAll(filters.before), resolveAll(filters.since)])
    return { ...filters, before, since }
  }

  /** An earlier removal may have taken it along. */
  async #removeIfThere(name: string): Promise<Removed[]> {
    try {
      return await this.remove(name, { force: false, prune: true })
    } catch (error) {
      if (error instanceof NotFound) return []
      throw error
    }
  }

  #layersSize(): number {
    let sum = 0
    for (const { size } of this.#layers.all()) sum += size
    return sum
  }

  #removal(): Parameters<typeof removeImage>[0] {
    return {
      store: this.#store,
      layers: this.#layers,
      usesOf: this.#usesOf,
      emit: (action, stored) => this.#emit(action, stored, stored.id),
    }
  }

  #emit(action: ImageEvent['action'], stored: StoredImage, name: string): void {
    const labels = stored.oci.config?.Labels ?? {}
    const event: ImageEvent = { action, id: stored.id, name, labels, timeNs: BigInt(Date.now()) * 1_000_000n }
    for (const listener of this.#listeners) listener(event)
  }
}
