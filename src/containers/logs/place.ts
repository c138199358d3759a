/**
 * Where on disk the log of a container is. All drivers write the same JSON lines, one entry each: one writer, one reader, and a
 * file that can be read with cat. json-file has Docker's name for it; `local`, and the copy of what goes to syslog or the journal,
 * stand in `local-logs`, where Docker keeps its own format.
 */

import { join } from 'node:path'
import type { ContainerPaths } from '../store/files.ts'
import type { LogConfig } from '../types.ts'
import { type Rotation, rotationOf } from './rotation.ts'

export interface LogPlace extends Rotation {
  folder: string
  name: string
  /** Both together. */
  path: string
}

/** null: there is nothing that `logs` could read. */
export function logPlace(logConfig: LogConfig, paths: ContainerPaths): LogPlace | null {
  const rotation = rotationOf(logConfig)
  if (rotation === null) return null
  const own = logConfig.type === 'json-file'
  const folder = own ? paths.folder : join(paths.folder, 'local-logs')
  const name = own ? paths.logName : 'container.log'
  return { folder, name, path: join(folder, name), ...rotation }
}
