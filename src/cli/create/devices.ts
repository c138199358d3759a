/** --device, --device-cgroup-rule and the block I/O flags. */

import { parseSize } from '../output/sizes.ts'

/** `path[:path in container[:rwm]]`. @throws Error */
export function parseDevice(text: string): object {
  const parts = text.split(':')
  if (parts.length > 3) throw new Error(`invalid device specification: ${text}`)
  const [host = '', second = '', third = ''] = parts
  // `path:rw` without a path in the container.
  const isMode = parts.length === 2 && /^[rwm]+$/.test(second)
  return {
    PathOnHost: host,
    PathInContainer: (isMode ? '' : second) || host,
    CgroupPermissions: (isMode ? second : third) || 'rwm',
  }
}

/** As Docker checks it before anything is sent: the path in the container is absolute, the mode is of r, w, m. */
export function checkDevice(text: string): void {
  const parts = text.split(':')
  const bad = (path: string) => new Error(`${path} is not an absolute path`)
  if (parts.length === 3 && !/^(?!.*(.).*\1)[rwm]{1,3}$/.test(parts[2] ?? ''))
    throw new Error(`bad mode specified: ${parts[2]}`)
  const inContainer = parts.length === 1 || /^[rwm]+$/.test(parts[1] ?? '') ? (parts[0] ?? '') : (parts[1] ?? '')
  if (!inContainer.startsWith('/')) throw bad(inContainer)
}

export function checkDeviceRule(text: string): string {
  if (!/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) throw new Error(`invalid device cgroup format '${text}'`)
  return text
}

function splitDevice(text: string): [string, string] {
  const [path = '', value, ...rest] = text.split(':')
  if (value === undefined || rest.length > 0) throw new Error(`bad format: ${text}`)
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`)
  return [path, value]
}

export function parseWeightDevice(text: string): object {
  const [Path, weight] = splitDevice(text)
  const Weight = Number(weight)
  if (!Number.isInteger(Weight) || (Weight > 0 && (Weight < 10 || Weight > 1000)))
    throw new Error(`invalid weight for device: ${text}`)
  return { Path, Weight }
}

const RATE_HINT = 'The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer.'

/** Bytes per second, with units. */
export function parseByteRate(text: string): object {
  const [Path, rate] = splitDevice(text)
  try {
    return { Path, Rate: parseSize(rate) }
  } catch {
    throw new Error(`invalid rate for device: ${text}. ${RATE_HINT} Unit is optional and can be kb, mb, or gb`)
  }
}

/** Operations per second. */
export function parseOperationRate(text: string): object {
  const [Path, rate] = splitDevice(text)
  if (!/^\d+$/.test(rate))
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    )
  return { Path, Rate: Number(rate) }
}
