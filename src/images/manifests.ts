/** Which images an archive's documents describe: manifest.json of `docker save`, or index.json of an OCI layout. */

import { posix } from 'node:path'
import { InvalidParameter } from '../kernel/errors.ts'
import type { ArchiveContents } from './load.ts'
import { type Descriptor, decodeJson, type Index, type Manifest, MEDIA_TYPE, thisArchitecture } from './oci.ts'
import { isDigest } from './references.ts'
import type { Digest, ImageId } from './types.ts'

export interface DescribedImage {
  config: Buffer
  /** Names of layers in the archive, lowest first. */
  layers: string[]
  /** As the archive has them. */
  names: string[]
  /** The manifest, if it is an OCI layout. */
  manifest: Buffer | undefined
  /** The image that it was built upon, if the archive says so. */
  parent?: ImageId
}

interface DockerManifestEntry {
  Config?: string
  RepoTags?: string[] | null
  Layers?: string[] | null
  Parent?: string
}

/** @throws InvalidParameter */
export function describedImages(contents: ArchiveContents): DescribedImage[] {
  const docker = contents.documents.get('manifest.json')
  if (docker !== undefined) return dockerImages(contents, docker)
  const index = contents.documents.get('index.json')
  if (index !== undefined) return ociImages(contents, decodeJson(index) as Index, [])
  throw new InvalidParameter('open manifest.json: no such file or directory')
}

function dockerImages(contents: ArchiveContents, bytes: Buffer): DescribedImage[] {
  const entries = decodeJson(bytes)
  if (!Array.isArray(entries)) throw new InvalidParameter('manifest.json is not a list')
  return (entries as DockerManifestEntry[]).map(({ Config, RepoTags, Layers, Parent }) => ({
    config: document(contents, posix.normalize(Config ?? '')),
    layers: (Layers ?? []).map(path => followSymlink(contents, posix.normalize(path))),
    names: RepoTags ?? [],
    manifest: undefined,
    ...(Parent !== undefined && isDigest(Parent) ? { parent: Parent as string as ImageId } : {}),
  }))
}

function followSymlink({ symlinks }: ArchiveContents, path: string): string {
  return symlinks.get(path) ?? path
}

function document({ documents }: ArchiveContents, name: string): Buffer {
  const bytes = documents.get(name)
  if (bytes === undefined) throw new InvalidParameter(`open ${name}: no such file or directory`)
  return bytes
}

const blobName = (digest: Digest): string => `blobs/${digest.replace(':', '/')}`

function ociImages(contents: ArchiveContents, index: Index, inherited: string[]): DescribedImage[] {
  const images: DescribedImage[] = []
  for (const descriptor of index.manifests ?? []) {
    const names = namesOf(descriptor, inherited)
    const bytes = contents.documents.get(blobName(descriptor.digest))
    if (isIndex(descriptor)) {
      if (bytes === undefined) throw new InvalidParameter(`blob not found: ${descriptor.digest}`)
      const nested = decodeJson(bytes) as Index
      images.push(...ociImages(contents, { ...nested, manifests: forThisMachine(contents, nested) }, names))
    } else {
      if (bytes === undefined) throw new InvalidParameter(`blob not found: ${descriptor.digest}`)
      const manifest = decodeJson(bytes) as Manifest
      if (isAttestation(descriptor)) continue
      images.push({
        config: document(contents, blobName(manifest.config.digest)),
        layers: manifest.layers.map(layer => blobName(layer.digest)),
        names,
        manifest: bytes,
      })
    }
  }
  return images
}

const isIndex = ({ mediaType }: Descriptor): boolean =>
  mediaType === MEDIA_TYPE.index || mediaType === MEDIA_TYPE.dockerList

const isAttestation = ({ annotations }: Descriptor): boolean =>
  annotations?.['vnd.docker.reference.type'] === 'attestation-manifest'

/** Of an image for several platforms: this machine's, or else those whose manifests are in the archive. */
function forThisMachine({ documents }: ArchiveContents, { manifests }: Index): Descriptor[] {
  const present = manifests.filter(entry => documents.has(blobName(entry.digest)) && !isAttestation(entry))
  const own = present.filter(({ platform }) => platform?.os === 'linux' && platform.architecture === thisArchitecture())
  return own.length > 0 ? own.slice(0, 1) : present
}

/** containerd writes the full name, others only a tag or whatever their user has said. */
function namesOf({ annotations }: Descriptor, inherited: string[]): string[] {
  const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name']
  return name === undefined ? inherited : [name]
}
