/** Where a file has holes. See lseek(2), "Seeking file data and holes". */

import { check } from '../../kernel/errors.ts'
import type { FileStatus } from '../../kernel/files.ts'
import { syscall } from '../../kernel/syscall.ts'
import type { Extent } from '../tar/entry.ts'

/** Below this a hole is cheaper as zeros than as an extended header. */
const SMALLEST_SPARSE = 64 * 1024

const SEEK_SET = 0
const SEEK_DATA = 3
const SEEK_HOLE = 4

/** The parts of a file that are not holes; undefined if it has none worth the while. */
export function extentsOf(file: number, status: FileStatus): Extent[] | undefined {
  if (status.size < SMALLEST_SPARSE || status.blocks * 512 >= status.size) return undefined
  const extents: Extent[] = []
  for (let at = 0; at < status.size; ) {
    const start = syscall('lseek', file, at, SEEK_DATA)
    // ENXIO: from here on there is no data.
    if (start < 0) break
    const end = Math.min(check('lseek', syscall('lseek', file, start, SEEK_HOLE)), status.size)
    if (start >= status.size) break
    extents.push({ offset: start, length: end - start })
    at = end
  }
  syscall('lseek', file, 0, SEEK_SET)
  const data = extents.reduce((sum, { length }) => sum + length, 0)
  if (status.size - data < SMALLEST_SPARSE) return undefined
  // The last extent says where the file ends, also when it ends in a hole.
  if ((extents.at(-1)?.offset ?? 0) + (extents.at(-1)?.length ?? 0) < status.size) {
    extents.push({ offset: status.size, length: 0 })
  }
  return extents
}
