/** What can be wrong with a project, and where in its files. */

import type { Position } from './source/node.ts'

/** A message for the user. With a position it begins `file:line:column: `. */
export class ComposeError extends Error {
  override readonly name = 'ComposeError'
  constructor(
    message: string,
    readonly at?: Position,
  ) {
    super(at ? `${showPosition(at)}: ${message}` : message)
  }
}

export const showPosition = ({ source, line, column }: Position): string => `${source.file}:${line}:${column}`
