/** What a command of `skiff compose` is. */

import type { Context } from '../command.ts'
import type { Flags } from '../parse/flag.ts'
import type { Globals } from './globals.ts'

export interface ComposeContext<F extends Flags = Flags> extends Context<F> {
  /** What stands before the command. */
  readonly globals: Globals
}

export interface Subcommand<F extends Flags = Flags> {
  /** What follows the name. */
  readonly usage: string
  readonly arity: readonly [number, number]
  /** false: the first positional ends the flags. */
  readonly interspersed?: boolean
  readonly flags: F
  /** Answers the exit code; nothing means 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands have nothing to answer
  run(context: ComposeContext<F>): Promise<number | void>
}

export const subcommand = <F extends Flags>(declared: Subcommand<F>): Subcommand<F> => declared
