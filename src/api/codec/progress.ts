/** Steps of long jobs (pull, load, build) as Docker's progress streams have them: one JSON object per line. */

import type { Progress } from '../../images/types.ts'
import { humanSize } from './duration.ts'

const BAR_WIDTH = 50

/** `[=====>     ]  1.2MB/3.4MB`: for clients that show what they get as it is. */
function bar(current: number, total: number): string {
  if (total <= 0) return current > 0 ? humanSize(current).padStart(8) : ''
  const done = Math.min(BAR_WIDTH, Math.floor(((current / total) * 100) / 2))
  const box = `[${'='.repeat(done)}>${' '.repeat(BAR_WIDTH - done)}]`
  return `${box} ${humanSize(current).padStart(8)}/${humanSize(total)}`
}

export function encodeProgress(step: Progress): Record<string, unknown> {
  if ('aux' in step) return { progressDetail: {}, aux: step.aux }
  if (!('status' in step)) return step
  const { status, id, current, total, isNote = false } = step
  if (id === undefined && current === undefined && total === undefined) return { status }
  if (isNote) return { status, id }
  if (current === undefined && total === undefined) return { status, progressDetail: {}, id }
  const detail = { ...(current !== undefined && { current }), ...(total !== undefined && { total }) }
  return { status, progressDetail: detail, progress: bar(current ?? 0, total ?? 0), ...(id !== undefined && { id }) }
}

export const encodeFailure = (message: string): Record<string, unknown> => ({
  errorDetail: { message },
  error: message,
})
