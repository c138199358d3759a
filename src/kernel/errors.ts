/**
 * What can go wrong, by behaviour. A class says how a caller may react; only src/api knows the HTTP status of each.
 * KernelError has the shape of Node's own system errors and adds the arguments of the call.
 */

import { constants } from 'node:os'
import { hintFor } from './hints.ts'

/** The base of every error that skiff raises on purpose; its message may be shown to a user as it is. */
export abstract class SkiffError extends Error {
  override get name(): string {
    return this.constructor.name
  }
}

/** The thing named does not exist. */
export class NotFound extends SkiffError {}
/** The request contradicts the present state. */
export class Conflict extends SkiffError {}
/** What was asked for is the case already. */
export class NotModified extends SkiffError {}
/** The request itself is wrong, whatever the state. */
export class InvalidParameter extends SkiffError {}
/** The request is understood and refused. */
export class Forbidden extends SkiffError {}
/** Who asks is not known, or not to whom it was asked. */
export class Unauthorized extends SkiffError {}
/** Something that skiff depends on is missing or does not answer. */
export class Unavailable extends SkiffError {}
/** skiff cannot do this (yet): said, never silently ignored. */
export class NotImplemented extends SkiffError {}

const NAMES = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, number]) => [number, name]),
)

/** 'ENOENT' for 2. The first name wins where the kernel has two (EAGAIN, EWOULDBLOCK). */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`

/** A system call that failed: `mount overlay on /x (MS_NODEV, lowerdir=…): EINVAL`. */
export class KernelError extends SkiffError {
  readonly code: string
  readonly hint: string | undefined
  constructor(
    readonly syscall: string,
    /** The positive error number. */
    readonly errno: number,
    readonly details: Record<string, unknown> = {},
  ) {
    const code = errnoName(errno)
    const shown = Object.entries(details)
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(', ')
    const hint = hintFor(syscall, code)
    super(`${syscall}${shown ? ` (${shown})` : ''}: ${code}${hint ? ` (${hint})` : ''}`)
    this.code = code
    this.hint = hint
  }
}

/** Turns the kernel's answer into a value or an exception. `details` are the call's arguments by name. */
export function check(syscall: string, result: number, details?: Record<string, unknown>): number {
  if (result < 0) throw new KernelError(syscall, -result, details)
  return result
}

/** Whether an error is a system error with one of these codes: catch what you expect, nothing else. */
export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code))
