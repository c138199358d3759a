/** How commands end when they do not succeed. */

/** A message for stderr and an exit code. An empty message prints nothing. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message)
  }
}

/** The exit code of something else, passed on without a word. */
export const exitWith = (code: number): CommandError => new CommandError('', code)

/** A command line that is none. `hint` sends the user to the help. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError'
}

/** Exit code where the command line or the daemon refused, as distinct from the container's own. */
export const EXIT_REFUSED = 125
