/** Which of an index's images is meant. OCI image specification, image-index.md; Docker's order of preference. */

import { NotFound } from '../../kernel/errors.ts'
import type { Descriptor, Index } from '../oci.ts'
import { formatPlatform, isSame, type Platform, parsePlatform, runnable, thisPlatform } from '../platforms.ts'

/** @param platform 'linux/arm64', 'linux/arm/v7'; null: this machine's. @throws NotFound in Docker's words */
export function chooseManifest(index: Index, platform: string | null): Descriptor {
  const wanted = platform === null ? thisPlatform() : parsePlatform(platform)
  const offered = imagesOf(index)
  for (const candidate of runnable(wanted)) {
    const found = offered.find(one => one.platform && isSame(platformOf(one.platform), candidate))
    if (found) return found
  }
  // Where no platforms are named at all, there is nothing to choose from.
  const [only, ...more] = offered
  if (only !== undefined && more.length === 0 && !only.platform) return only
  throw new NotFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`)
}

/** Without what is no image: attestations and signatures that lie beside the images. */
export const imagesOf = ({ manifests }: Index): Descriptor[] =>
  (manifests ?? []).filter(
    ({ annotations, platform }) =>
      annotations?.['vnd.docker.reference.type'] === undefined && platform?.architecture !== 'unknown',
  )

export const platformOf = ({ os, architecture, variant = '' }: NonNullable<Descriptor['platform']>): Platform => ({
  os,
  architecture,
  variant,
})
