/** Which of an index's images is meant. OCI image specification, image-index.md; Docker's order of preference. */

import { NotFound } from '../../kernel/errors.ts'
import { type Descriptor, type Index, thisArchitecture } from '../oci.ts'

/** `platform`: 'linux/arm64', 'linux/arm/v7'; null: this machine's. @throws NotFound in Docker's words */
export function chooseManifest({ manifests }: Index, platform: string | null): Descriptor {
  const [os, architecture, variant] = (platform ?? `linux/${thisArchitecture()}`).split('/')
  const fits = (manifests ?? []).filter(
    ({ platform: offered }) =>
      offered?.os === os &&
      offered?.architecture === architecture &&
      (variant === undefined || offered?.variant === variant),
  )
  // Of several the plainest: a variant (v3) may need a processor that this machine does not have.
  const chosen = fits.find(({ platform: offered }) => !offered?.variant) ?? fits[0]
  if (!chosen) {
    const wanted = platform ?? `linux/${thisArchitecture()}`
    throw new NotFound(`no matching manifest for ${wanted} in the manifest list entries`)
  }
  return chosen
}
