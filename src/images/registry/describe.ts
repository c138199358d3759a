/** What a registry says of a name: GET /distribution/{name}/json of the Engine API. */

import { decodeJson, type OciImage } from '../oci.ts'
import { type Platform, thisPlatform } from '../platforms.ts'
import type { Digest } from '../types.ts'
import { imagesOf, platformOf } from './choose-platform.ts'
import { decodeIndex, decodeManifest, isIndex, readConfig } from './remote-image.ts'
import type { RemoteManifest, Repository } from './repository.ts'

export interface RemoteDescription {
  mediaType: string
  digest: Digest
  /** Bytes of the manifest or index. */
  size: number
  platforms: Platform[]
}

export async function describeRemote(repository: Repository, reference: string): Promise<RemoteDescription> {
  const named = await repository.manifest(reference)
  const { mediaType, digest, bytes } = named
  const platforms = isIndex(mediaType)
    ? imagesOf(decodeIndex(named)).flatMap(({ platform }) => (platform ? [platformOf(platform)] : []))
    : [await platformOfManifest(repository, named)]
  return { mediaType, digest, size: bytes.length, platforms }
}

async function platformOfManifest(repository: Repository, manifest: RemoteManifest): Promise<Platform> {
  const { config } = decodeManifest(manifest)
  const { os, architecture, variant = '' } = decodeJson(await readConfig(repository, config)) as Partial<OciImage>
  const own = thisPlatform()
  return { os: os ?? own.os, architecture: architecture ?? own.architecture, variant }
}
