/** Docker's rules for `rmi`: what is only untagged, what is deleted, and what is refused. */

import { Conflict } from '../kernel/errors.ts'
import type { LayerStore } from '../snapshots/layers.ts'
import { chainOf, type ImageStore, type StoredImage } from './image-store.ts'
import {
  familiarName,
  fullName,
  isBareId,
  isDigest,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from './references.ts'
import type { ImageEvent, ImageId, ImageUse, Removed } from './types.ts'

export interface RemovalContext {
  store: ImageStore
  layers: LayerStore
  usesOf: (id: ImageId) => ImageUse[]
  /** Tells the image's own name too, as Docker's events have it. */
  emit: (action: ImageEvent['action'], image: StoredImage) => void
}

interface Obstacle {
  message: string
  /** Even force does not help. */
  isHard: boolean
}

const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)

/** Whether the user meant the image itself: by its id or the beginning of it. */
export const isIdPrefix = (id: ImageId, name: string): boolean =>
  id.startsWith(name.startsWith('sha256:') ? name : `sha256:${name}`)

/** Whether the user meant a reference. One that looks like the beginning of the id as well is a reference all the same. */
export function isNameOf(store: ImageStore, id: ImageId, name: string): boolean {
  if (isDigest(name) || isBareId(name)) return false
  return store.idOf(fullName(withDefaultTag(parseReference(name)))) === id || !isIdPrefix(id, name)
}

/** `name` is what the user wrote. @throws Conflict */
export async function removeImage(
  context: RemovalContext,
  image: StoredImage,
  name: string,
  { force, prune }: { force: boolean; prune: boolean },
): Promise<Removed[]> {
  const { store } = context
  const removed: Removed[] = []
  const isNamed = isNameOf(store, image.id, name)
  if (isNamed) {
    await untagOne(context, image, name, force, removed)
    if (store.referencesOf(image.id).length > 0) return removed
  } else if (areInOneRepository(store.referencesOf(image.id))) {
    refuse(
      image.id,
      obstacles(context, image.id, force).filter(({ message }) => !message.startsWith(REFERENCED)),
    )
    await untagAll(context, image, removed)
  }
  await deleteImage(context, image, { force, prune, isQuiet: isNamed }, removed)
  return removed
}

async function untagOne(
  context: RemovalContext,
  image: StoredImage,
  name: string,
  force: boolean,
  removed: Removed[],
): Promise<void> {
  const { store } = context
  const [user] = context.usesOf(image.id)
  if (!force && user !== undefined && areInOneRepository(store.referencesOf(image.id))) {
    throw new Conflict(
      `conflict: unable to remove repository reference "${name}" (must force) - ${nameOf(user)} is using its referenced image ${shortId(image.id)}`,
    )
  }
  const reference = withDefaultTag(parseReference(name))
  await untag(context, image, fullName(reference), removed)
  if (reference.digest !== undefined) return
  const rest = store.referencesOf(image.id).map(parseReference)
  const inRepository = rest.filter(other => repositoryOf(other) === repositoryOf(reference))
  // Digests without a tag of the same repository have lost what they were kept for.
  if (inRepository.some(({ digest }) => digest === undefined)) return
  for (const other of inRepository) await untag(context, image, fullName(other), removed)
}

async function untagAll(context: RemovalContext, image: StoredImage, removed: Removed[]): Promise<void> {
  for (const reference of context.store.referencesOf(image.id)) await untag(context, image, reference, removed)
}

async function untag(
  { store, emit }: RemovalContext,
  image: StoredImage,
  reference: string,
  removed: Removed[],
): Promise<void> {
  await store.removeReference(reference)
  removed.push({ untagged: familiarName(parseReference(reference)) })
  emit('untag', image)
}

/** With `isQuiet` an image that is still wanted is left alone without a word: the user asked for something else. */
async function deleteImage(
  context: RemovalContext,
  image: StoredImage,
  options: { force: boolean; prune: boolean; isQuiet: boolean },
  removed: Removed[],
): Promise<void> {
  const { store, layers, emit } = context
  const inTheWay = obstacles(context, image.id, options.force)
  if (options.isQuiet && inTheWay.length > 0) return
  refuse(image.id, inTheWay)
  await untagAll(context, image, removed)
  const chain = chainOf(image)
  emit('delete', image)
  await store.delete(image.id)
  removed.push({ deleted: image.id })
  const before = [...chain].reverse().filter(layer => layers.find(layer) !== undefined)
  await layers.sweep()
  // What a container stands on stays, and so does what a pull has taken up meanwhile.
  for (const layer of before) if (layers.find(layer) === undefined) removed.push({ deleted: layer })
  const parent = image.record.parent === undefined ? undefined : store.find(image.record.parent)
  if (options.prune && parent !== undefined) {
    await deleteImage(context, parent, { force: false, prune: true, isQuiet: true }, removed)
  }
}

const nameOf = ({ containerId, snapshot }: ImageUse): string =>
  snapshot === undefined ? `container ${shortId(containerId)}` : `snapshot ${snapshot}`

const REFERENCED = 'image is referenced in'

function obstacles({ store, usesOf }: RemovalContext, id: ImageId, force: boolean): Obstacle[] {
  const found: Obstacle[] = []
  if (store.childrenOf(id).length > 0) found.push({ isHard: true, message: 'image has dependent child images' })
  const uses = usesOf(id)
  const running = uses.find(use => use.running)
  if (running !== undefined) {
    found.push({ isHard: true, message: `image is being used by running container ${shortId(running.containerId)}` })
  }
  if (force) return found
  if (store.referencesOf(id).length > 0) found.push({ isHard: false, message: `${REFERENCED} multiple repositories` })
  const stopped = uses.find(use => !use.running)
  if (stopped !== undefined) {
    const by = stopped.snapshot === undefined ? `stopped ${nameOf(stopped)}` : nameOf(stopped)
    found.push({ isHard: false, message: `image is being used by ${by}` })
  }
  return found
}

function refuse(id: ImageId, [first]: Obstacle[]): void {
  if (first === undefined) return
  const remedy = first.isHard ? 'cannot be forced' : 'must be forced'
  throw new Conflict(`conflict: unable to delete ${shortId(id)} (${remedy}) - ${first.message}`)
}

/** At most one tag, and digests of the same repository only: to remove the image then means to remove the name. */
function areInOneRepository(references: string[]): boolean {
  if (references.length <= 1) return true
  const parsed = references.map(parseReference)
  const tags = parsed.filter(({ digest }) => digest === undefined)
  if (tags.length > 1) return false
  return new Set(parsed.map(repositoryOf)).size === 1
}
