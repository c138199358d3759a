/** What can go wrong between a client and the daemon. The words are those that Docker's users know. */

/** An answer with a status of 400 or more. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The daemon's own words. */
    readonly reason: string,
  ) {
    super(`Error response from daemon: ${reason}`)
  }
}

/** No daemon answers, or the connection broke. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  constructor(
    message: string,
    /** The system error's code: ENOENT, ECONNREFUSED, EACCES, … */
    readonly code: string,
  ) {
    super(message)
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404

/** The daemon is not there: nobody listens, or the socket does not exist. */
export const isAbsent = (error: unknown): boolean =>
  error instanceof ConnectionError && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')

/** Says of a failed connection what a user can do about it. `address` as the user would give it to --host. */
export function connectionError(cause: Error & { code?: string; syscall?: string }, address: string): ConnectionError {
  const code = cause.code ?? ''
  if (code === 'EACCES' || code === 'EPERM')
    return new ConnectionError(
      `permission denied while trying to connect to the skiff daemon socket at ${address}`,
      code,
    )
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new ConnectionError(`Cannot connect to the skiff daemon at ${address}. Is the skiff daemon running?`, code)
  return new ConnectionError(`error during connect: ${address}: ${cause.message}`, code)
}
