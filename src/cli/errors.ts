/** How commands end when they do not succeed. */

/** A message for stderr and an exit code. An empty message prints nothing. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
  constructor(
    message: string,
    readonly exitCode = 1,
    /** What the command has said already of the failures, for hints. */
    readonly reported: readonly string[] = [],
  ) {
    super(message)
  }
}

/** An image that is not here could not be pulled. */
export class PullFailed extends Error {
  override readonly name = 'PullFailed'
  constructor(
    readonly image: string,
    cause: Error,
  ) {
    super(cause.message, { cause })
  }
}

/** The exit code of something else, or of what has been reported, passed on without a word. */
export const exitWith = (code: number, reported: readonly string[] = []): CommandError =>
  new CommandError('', code, reported)

/** A command line that is none. `hint` sends the user to the help. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError'
}

/** Exit code where the command line or the daemon refused, as distinct from the container's own. */
export const EXIT_REFUSED = 125
