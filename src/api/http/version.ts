/** Versions of the API: which are served, and how they compare. */

import { InvalidParameter } from '../../kernel/errors.ts'

export const API_VERSION = '1.47'
export const MIN_API_VERSION = '1.24'

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. A missing part is zero: 1 is 1.0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split('.').map(Number)) as [number[], number[]]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] || 0) - (right[i] || 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** @throws InvalidParameter when a client asks for a version that is not served */
export function checkVersion(version: string): void {
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    throw new InvalidParameter(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    )
  }
  if (compareVersions(version, API_VERSION) > 0) {
    throw new InvalidParameter(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`)
  }
}
