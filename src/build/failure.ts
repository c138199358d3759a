/** A build that came to nothing: which instruction, why, and what can be looked at. */

import type { Location } from './dockerfile/error.ts'

export class BuildFailed extends Error {
  override readonly name = 'BuildFailed'

  constructor(
    message: string,
    /** Of a command that failed; 1 for everything else. */
    readonly code: number,
    readonly location: Location | null,
    /** An image of the state before the step that failed; '' without one. */
    readonly image: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options)
  }
}

/** The client has gone, or asked to stop. */
export class BuildCancelled extends Error {
  override readonly name = 'BuildCancelled'
  constructor() {
    super('build cancelled')
  }
}
