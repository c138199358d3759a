/** From a name at a registry to the manifest and configuration of one image: nothing that a registry says is taken for granted. */

import { createHash } from 'node:crypto'
import { InvalidParameter, NotFound } from '../../kernel/errors.ts'
import { type Descriptor, decodeImage, decodeJson, type Index, type Manifest } from '../oci.ts'
import { formatPlatform, isSame, parsePlatform, runnable } from '../platforms.ts'
import { isDigest } from '../references.ts'
import type { DiffId } from '../types.ts'
import { chooseManifest } from './choose-platform.ts'
import { MEDIA_TYPE, type RemoteManifest, type Repository } from './repository.ts'

/** A configuration larger than this is none. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024
const MAX_INDEX_DEPTH = 3
/** What Docker calls them: plug-ins, Helm charts and the like are kept in registries too. */
const IMAGE_CONFIGS = [
  'application/vnd.docker.container.image.v1+json',
  'application/vnd.oci.image.config.v1+json',
  'application/octet-stream',
  'text/html',
  'application/json',
]

export interface RemoteImage {
  /** All that lead to it: an index perhaps, and the manifest. */
  documents: RemoteManifest[]
  configBytes: Buffer
  layers: Descriptor[]
  diffIds: DiffId[]
}

/** @throws NotFound, InvalidParameter */
export async function readImage(
  repository: Repository,
  named: RemoteManifest,
  platform: string | null,
): Promise<RemoteImage> {
  const documents = [named]
  while (isIndex(documents.at(-1)!.mediaType)) {
    if (documents.length > MAX_INDEX_DEPTH)
      throw new InvalidParameter(`index ${named.digest} leads to ever more indexes`)
    const chosen = chooseManifest(decodeIndex(documents.at(-1)!), platform)
    documents.push(await repository.manifest(chosen.digest))
  }
  const manifest = documents.at(-1)!
  const { config, layers } = decodeManifest(manifest)
  const configBytes = await readConfig(repository, config)
  const image = decodeImage(configBytes)
  if (documents.length === 1 && platform !== null) checkPlatform(image, platform)
  const diffIds = image.rootfs.diff_ids ?? []
  if (diffIds.length !== layers.length)
    throw new InvalidParameter(
      `the manifest ${manifest.digest} names ${layers.length} layers, its configuration ${diffIds.length}`,
    )
  return { documents, configBytes, layers, diffIds }
}

export const isIndex = (mediaType: string): boolean =>
  mediaType === MEDIA_TYPE.OCI_INDEX || mediaType === MEDIA_TYPE.DOCKER_LIST

/** @throws InvalidParameter */
export function decodeIndex({ bytes, digest }: RemoteManifest): Index {
  const index = decodeJson(bytes) as Partial<Index>
  if (!Array.isArray(index.manifests) || !index.manifests.every(isDescriptor))
    throw new InvalidParameter(`the index ${digest} is not one: it names no manifests by digest and size`)
  return index as Index
}

/** @throws InvalidParameter */
export function decodeManifest({ bytes, digest, mediaType }: RemoteManifest): Manifest {
  if (mediaType === MEDIA_TYPE.DOCKER_SCHEMA1)
    throw new InvalidParameter(
      'Docker Image manifest version 2, schema 1 is not supported. Suggest the author of the image to upgrade it to the OCI Format or Docker Image manifest v2, schema 2',
    )
  const { config, layers } = decodeJson(bytes) as Partial<Manifest>
  if (!isDescriptor(config) || !Array.isArray(layers) || !layers.every(isDescriptor))
    throw new InvalidParameter(`the manifest ${digest} is not an image's: it names no configuration or no layers`)
  if (!IMAGE_CONFIGS.includes(config.mediaType))
    throw new InvalidParameter(`the manifest ${digest} is not an image's, its configuration is ${config.mediaType}`)
  for (const layer of layers)
    if (/foreign|nondistributable/.test(layer.mediaType))
      throw new InvalidParameter(`layer ${layer.digest} is not distributed by this registry (${layer.mediaType})`)
  return { schemaVersion: 2, config, layers }
}

/** 'unknown' layers of old tools have no media type; what has none is taken for what it turns out to be. */
function isDescriptor(value: unknown): value is Descriptor {
  const { digest, size, mediaType } = (value ?? {}) as Partial<Descriptor>
  const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  return typeof digest === 'string' && isDigest(digest) && isSize && typeof mediaType === 'string'
}

/** @throws InvalidParameter */
export async function readConfig(repository: Repository, { digest, size }: Descriptor): Promise<Buffer> {
  if (size > MAX_CONFIG_BYTES) throw new InvalidParameter(`the configuration ${digest} has ${size} bytes: too many`)
  const chunks: Buffer[] = []
  for await (const chunk of repository.blob(digest, size)) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  if (actual !== digest) throw new InvalidParameter(`image config verification failed for digest ${digest}`)
  return bytes
}

/** An image for one platform alone, and the user has asked for another. */
function checkPlatform(image: { os?: string; architecture?: string; variant?: string }, platform: string): void {
  const wanted = parsePlatform(platform)
  const { os = 'linux', architecture = '', variant = '' } = image
  if (architecture === '' || runnable(wanted).some(one => isSame(one, { os, architecture, variant }))) return
  throw new NotFound(
    `no match for platform in manifest: wanted ${formatPlatform(wanted)}, the image is for ${os}/${architecture}`,
  )
}
