/** What a command is. Each file in commands/ exports one. */

import type { Engine } from '../client/engine.ts'
import type { Flags, Values } from './parse/flag.ts'
import type { Session } from './session.ts'

/** What a command gets to work with. */
export interface Context<F extends Flags> {
  readonly session: Session
  readonly engine: Engine
  readonly options: Values<F>
  readonly args: readonly string[]
  /** The names of the flags that were given. */
  readonly given: ReadonlySet<string>
  /** Global: where login keeps its credentials. */
  readonly configFolder: string
}

export interface Command<F extends Flags = Flags> {
  /** What follows the name: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  readonly usage: string
  /** In place of the summary in help, where one line is not enough. */
  readonly description?: string
  /** The least and greatest number of positionals. */
  readonly arity: readonly [number, number]
  /** A flag that, given, stands for the first positional: there is one less then. */
  readonly firstByFlag?: string
  /** false: the first positional ends the flags, what follows belongs to the container. */
  readonly interspersed?: boolean
  /** Errors that the command throws carry the program's name and a hint, and this exit code. */
  readonly refusal?: number
  readonly flags: F
  /** Answers the exit code; nothing means 0. @throws CommandError, ApiError, ConnectionError */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands have nothing to answer, and need not say so
  run(context: Context<F>): Promise<number | void>
}

/** Declares a command; the types of its options follow from its flags. */
export const command = <F extends Flags>(declared: Command<F>): Command<F> => declared

/** As many as one likes. */
export const ANY = Number.POSITIVE_INFINITY
