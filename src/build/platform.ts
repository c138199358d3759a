/** The arguments that are there without being given. Dockerfile reference, "Predefined ARGs", "Automatic platform ARGs". */

import { thisArchitecture } from '../images/oci.ts'

export function platformArgs(): Record<`${'TARGET' | 'BUILD'}${'PLATFORM' | 'OS' | 'ARCH' | 'VARIANT'}`, string> {
  const architecture = thisArchitecture()
  const platform = `linux/${architecture}`
  return {
    TARGETPLATFORM: platform,
    TARGETOS: 'linux',
    TARGETARCH: architecture,
    TARGETVARIANT: '',
    BUILDPLATFORM: platform,
    BUILDOS: 'linux',
    BUILDARCH: architecture,
    BUILDVARIANT: '',
  }
}

/** Given with --build-arg they reach every RUN undeclared, and are no part of what a step depends on. */
export const PROXY_ARGS = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(name => [name, name.toLowerCase()]),
)

/** Those that mean something without a declaration. */
export const UNDECLARED_ARGS = new Set([...PROXY_ARGS, 'SOURCE_DATE_EPOCH'])
