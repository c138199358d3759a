/** Errors on their way between threads: the class is restored by its name. */

import * as errors from '../../kernel/errors.ts'
import type { TransferredError } from './protocol.ts'

const CLASSES = {
  NotFound: errors.NotFound,
  Conflict: errors.Conflict,
  InvalidParameter: errors.InvalidParameter,
  UnexpectedEnd: errors.InvalidParameter,
  Forbidden: errors.Forbidden,
  Unavailable: errors.Unavailable,
  NotImplemented: errors.NotImplemented,
} as const

export function toTransferred(thrown: unknown): TransferredError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { code, syscall, errno } = error as NodeJS.ErrnoException
  return { name: error.name, message: error.message, code, syscall, errno, stack: error.stack }
}

export function fromTransferred({ name, message, code, syscall, errno, stack }: TransferredError): Error {
  const Class = CLASSES[name as keyof typeof CLASSES]
  const error = Class ? new Class(message) : Object.assign(new Error(message), { code, syscall, errno })
  if (stack !== undefined) error.stack = stack
  return error
}
