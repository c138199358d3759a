/** The files of a driver's log: how large each may grow, how many there may be, whether older ones are compressed. */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { LogConfig } from '../types.ts'
import { parseBoolean, parseInteger, parseSize, worded } from './values.ts'

export interface Rotation {
  /** null: never rotate. */
  maxBytes: number | null
  /** The current one included. */
  maxFiles: number
  compress: boolean
}

/** Of the driver `local`, and of the copy that skiff keeps of what goes to syslog or the journal: Docker's. */
const LOCAL_MAX_BYTES = 20 * 1024 * 1024
const LOCAL_MAX_FILES = 5

/** null: this driver keeps nothing that `logs` could read. @throws InvalidParameter */
export function rotationOf({ type, config }: LogConfig): Rotation | null {
  switch (type) {
    case 'none':
      return null
    case '':
    case 'json-file':
      return jsonFileRotation(config)
    case 'local':
      return localRotation(config, '')
    default:
      return isCached(config) ? localRotation(config, 'cache-') : null
  }
}

/** `cache-disabled`: Docker's "dual logging". */
export function isCached(config: Record<string, string>): boolean {
  const value = config['cache-disabled']
  if (value === undefined) return true
  try {
    return !parseBoolean(value)
  } catch (error) {
    throw new InvalidParameter(`invalid value for option cache-disabled: ${value}`, { cause: error })
  }
}

function jsonFileRotation(config: Record<string, string>): Rotation {
  const { 'max-size': size, 'max-file': files, compress: compressed } = config
  const maxBytes = size === undefined ? null : parseSize(size, 1000)
  if (maxBytes !== null && maxBytes <= 0) throw new InvalidParameter('max-size must be a positive number')
  const maxFiles = files === undefined ? 1 : parseInteger(files)
  if (maxFiles < 1) throw new InvalidParameter('max-file cannot be less than 1')
  const compress = compressed === undefined ? false : parseBoolean(compressed)
  if (compress && (maxFiles === 1 || maxBytes === null)) {
    throw new InvalidParameter('compress cannot be true when max-file is less than 2 or max-size is not set')
  }
  return { maxBytes, maxFiles, compress }
}

function localRotation(config: Record<string, string>, prefix: '' | 'cache-'): Rotation {
  const value = (name: string): string | undefined => config[`${prefix}${name}`]
  const [size, files, compressed] = [value('max-size'), value('max-file'), value('compress')]
  const maxBytes =
    size === undefined ? LOCAL_MAX_BYTES : worded(`invalid value for max-size: ${size}: `, () => parseSize(size, 1000))
  const maxFiles =
    files === undefined ? LOCAL_MAX_FILES : worded(`invalid value for max-file: ${files}: `, () => parseInteger(files))
  const compress =
    compressed === undefined || worded('error reading compress log option: ', () => parseBoolean(compressed))
  if (compress && maxFiles <= 1) {
    throw new InvalidParameter('compression cannot be enabled when max file count is 1')
  }
  if (maxBytes <= 0) throw new InvalidParameter('max size should be a positive number')
  if (maxFiles < 1) throw new InvalidParameter('max file count should be a positive number')
  return { maxBytes, maxFiles, compress }
}
