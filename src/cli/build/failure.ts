/** A failed build in words: where the Dockerfile says it, why it failed, and how to look around. */

import { CommandError } from '../errors.ts'
import type { BuildEvent } from './events.ts'

type Failed = Extract<BuildEvent, { kind: 'failed' }>

export function explainFailure(
  message: string,
  failed: Failed | null,
  { inline, file }: { inline: string | null; file: string },
): CommandError {
  const location = failed?.location
  const place = location ? `${file}:${location.line}\n${excerpt(inline, location)}` : ''
  const image = failed?.image
    ? `\nThe image before this step is ${failed.image.replace('sha256:', '').slice(0, 12)}: skiff run --rm -it ${failed.image.replace('sha256:', '').slice(0, 12)} sh`
    : ''
  return new CommandError(`${place}ERROR: ${message}${image}`, 1)
}

const RULE = `${'-'.repeat(20)}\n`

function excerpt(inline: string | null, { line, endLine, text }: NonNullable<Failed['location']>): string {
  const lines = inline === null ? text.split('\n') : inline.split(/\r?\n/).slice(line - 1, endLine)
  const shown = lines.map((content, index) => `${String(line + index).padStart(4)} | ${content}\n`).join('')
  return `${RULE}${shown}${RULE}`
}
