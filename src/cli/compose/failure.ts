/** How failures of a project end a command. */

import { ApiError } from '../../client/errors.ts'
import { ComposeError } from '../../compose/errors.ts'
import { CommandError } from '../errors.ts'

/** Exit code for a file that cannot be understood. */
const EXIT_FILE = 15

export const wordFailure = (error: unknown): unknown =>
  error instanceof ComposeError
    ? new CommandError(error.message, EXIT_FILE)
    : error instanceof ApiError
      ? new CommandError(error.message)
      : error
