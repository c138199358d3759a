/** Which HTTP status stands for which class of error: the only place that knows. Engine API reference, "Errors". */

import {
  Conflict,
  Forbidden,
  InvalidParameter,
  NotFound,
  NotImplemented,
  NotModified,
  Unauthorized,
  Unavailable,
} from '../../kernel/errors.ts'

const STATUS: [new (message: string) => Error, number][] = [
  [NotFound, 404],
  [InvalidParameter, 400],
  [Conflict, 409],
  [Unauthorized, 401],
  [Unavailable, 503],
  [Forbidden, 403],
  [NotModified, 304],
  [NotImplemented, 501],
]

/** 500 is what remains: the kernel refused, or skiff is wrong. */
export const statusOf = (error: unknown): number => STATUS.find(([type]) => error instanceof type)?.[1] ?? 500

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
