/** New images: from a root file system (`import`), or from what a container has changed (`commit`). */

import { createHash } from 'node:crypto'
import { InvalidParameter } from '../kernel/errors.ts'
import type { LayerStore, StagedLayer } from '../snapshots/layers.ts'
import { END_OF_ARCHIVE } from '../snapshots/tar/writer.ts'
import { chainOf, diffIdsOf, type ImageStore, type StoredImage } from './image-store.ts'
import { applyInstructions } from './instructions.ts'
import { configToOci, EMPTY_CONFIG, historyFromOci, historyToOci, type OciImage, thisArchitecture } from './oci.ts'
import { storedName } from './references.ts'
import type {
  CommitOptions,
  ComposeOptions,
  DiffId,
  HistoryEntry,
  ImageConfig,
  ImageId,
  ImportOptions,
} from './types.ts'

export async function importImage(
  store: ImageStore,
  layers: LayerStore,
  archive: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<StoredImage> {
  const platform = platformOf(options.platform)
  // Before the archive is read: a mistake in an instruction is told at once.
  const config = applyInstructions(EMPTY_CONFIG, options.changes ?? [])
  const comment = options.message || `Imported from ${options.source ?? '-'}`
  return layers.keeping(async () => {
    const staged = await layers.stage(archive)
    const { reference } = options
    const image = { config, platform, comment, author: '', createdBy: '', parent: undefined, reference }
    return addImage(store, layers, staged, image)
  })
}

export async function commitImage(store: ImageStore, layers: LayerStore, options: CommitOptions): Promise<StoredImage> {
  const config = applyInstructions(options.config, options.changes ?? [])
  const parent = options.parent === undefined ? undefined : store.get(options.parent)
  const platform = parent && { os: parent.oci.os, architecture: parent.oci.architecture, variant: parent.oci.variant }
  return layers.keeping(async () => {
    return addImage(store, layers, await stageWritten(layers, options.layer), {
      config,
      platform: platform ?? platformOf(undefined),
      comment: options.message ?? '',
      author: options.author ?? '',
      createdBy: options.createdBy,
      parent,
      reference: options.reference,
    })
  })
}

function stageWritten(layers: LayerStore, written: CommitOptions['layer']): Promise<StagedLayer> {
  if ('frozen' in written) return layers.stageFrozen(written.frozen)
  return 'upper' in written ? layers.stageUpper(written.upper) : layers.stage(written)
}

/** `steps` are images on the way to it: they come with it, but are not worth a wait for the disk. `references`: in full. */
export async function composeImage(
  store: ImageStore,
  options: ComposeOptions,
  steps: readonly ComposeOptions[],
  references: readonly string[],
): Promise<{ stored: StoredImage; renamed: string[] }> {
  const known = store.find(composedId(options))
  const isNamed = references.every(reference => store.idOf(reference) === known?.id)
  if (known !== undefined && known.record.parent === options.parent && isNamed) return { stored: known, renamed: [] }
  const parentOf = ({ parent }: ComposeOptions) => (parent === undefined ? {} : { parent })
  await store.addSteps(steps.map(step => ({ config: composed(step), record: parentOf(step) })))
  const isTagged = references.length > 0
  return store.add({ config: composed(options), record: parentOf(options), references, isTagged })
}

function composed({ diffIds, history, created, ...image }: ComposeOptions): Buffer {
  const described = { ...image, comment: '', createdBy: '', parent: undefined }
  return Buffer.from(JSON.stringify(encodeImage(described, created, [...diffIds], [...history])))
}

/** The id that an image will have. */
export const composedId = (options: ComposeOptions): ImageId =>
  `sha256:${createHash('sha256').update(composed(options)).digest('hex')}` as ImageId

interface Platform {
  os: string
  architecture: string
  variant: string | undefined
}

/** `linux`, `linux/arm64`, `linux/arm/v7` */
function platformOf(text: string | undefined): Platform {
  const [os = 'linux', architecture = thisArchitecture(), variant] = (text || 'linux').split('/')
  if (os !== 'linux') throw new InvalidParameter(`"${os}": unknown operating system or architecture`)
  return { os, architecture, variant }
}

export interface NewImage {
  config: ImageConfig
  platform: Platform
  comment: string
  author: string
  createdBy: string
  parent: StoredImage | undefined
  /** As the user wrote it. */
  reference?: string | undefined
}

/** An archive of nothing: its two blocks of zeros. */
const NO_CHANGES = `sha256:${createHash('sha256').update(END_OF_ARCHIVE).digest('hex')}`

/** Puts a layer on top of the parent's and describes the result. */
export async function addImage(
  store: ImageStore,
  layers: LayerStore,
  staged: StagedLayer,
  image: NewImage,
): Promise<StoredImage> {
  const { parent } = image
  const below = parent && chainOf(parent).at(-1)
  // As Docker has it: nothing was changed, so there is a step and no layer.
  const emptyLayer = below !== undefined && staged.diffId === NO_CHANGES
  if (emptyLayer) await layers.discard(staged)
  else await layers.place(staged, below)
  const created = new Date().toISOString()
  const entry: HistoryEntry = {
    created,
    createdBy: image.createdBy,
    author: image.author,
    comment: image.comment,
    emptyLayer,
  }
  const history = [...(parent?.oci.history ?? []).map(historyFromOci), entry]
  const diffIds = [...(parent ? diffIdsOf(parent) : []), ...(emptyLayer ? [] : [staged.diffId])]
  const configuration = encodeImage(image, created, diffIds, history)
  const { stored } = await store.add({
    config: Buffer.from(JSON.stringify(configuration)),
    record: parent ? { parent: parent.id } : {},
    references: image.reference === undefined ? [] : [storedName(image.reference)],
    isTagged: image.reference !== undefined,
  })
  return stored
}

export function encodeImage(
  { platform, config, author, comment }: NewImage,
  created: string,
  diffIds: DiffId[],
  history: HistoryEntry[],
): OciImage {
  return {
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    os: platform.os,
    created,
    ...(author === '' ? {} : { author }),
    ...(comment === '' ? {} : { comment }),
    config: configToOci(config),
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: history.map(historyToOci),
  }
}
