/** The variables of one stage: ENV, which goes into the image, over ARG, which does not. Dockerfile reference, "ARG", "Scope". */

import type { ImageConfig } from '../images/types.ts'
import { expandWord, expandWords } from './dockerfile/expand.ts'
import type { InstructionOf } from './dockerfile/types.ts'
import { PROXY_ARGS } from './platform.ts'
import type { Expansion } from './steps/configure.ts'

export class Scope {
  readonly #escapeChar: string
  readonly #given: Readonly<Record<string, string | null>>
  readonly #globals: ReadonlyMap<string, string | undefined>
  readonly #args = new Map<string, string | undefined>()

  constructor(
    escapeChar: string,
    given: Readonly<Record<string, string | null>>,
    globals: ReadonlyMap<string, string | undefined>,
    inherited: Scope | null,
  ) {
    this.#escapeChar = escapeChar
    this.#given = given
    this.#globals = globals
    // A stage that is built on another has what that one has declared.
    if (inherited !== null) for (const [name, value] of inherited.#args) this.#args.set(name, value)
  }

  expansion(config: ImageConfig): Expansion {
    const variables = (name: string): string | undefined => envOf(config, name) ?? this.#args.get(name)
    return {
      word: text => expandWord(text, variables, this.#escapeChar),
      words: text => expandWords(text, variables, this.#escapeChar),
    }
  }

  declare(instruction: InstructionOf<'arg'>, config: ImageConfig): string {
    const { word } = this.expansion(config)
    const shown = instruction.args.map(({ name: text, value }) => {
      const name = word(text)
      const own = value === undefined ? undefined : word(value)
      this.#args.set(name, this.#given[name] ?? own ?? this.#globals.get(name))
      return own === undefined ? name : `${name}=${own}`
    })
    return shown.join(' ')
  }

  /** What a RUN gets besides the image's variables: those that its outcome depends on, and those that it only needs. */
  argsFor(config: ImageConfig): { counted: string[]; all: string[] } {
    const values = new Map<string, string>()
    for (const [name, value] of this.#args) if (value !== undefined) values.set(name, value)
    const counted = this.#entries(values, config)
    for (const [name, value] of Object.entries(this.#given)) {
      if (!PROXY_ARGS.has(name) || value === null) continue
      // Programs look for either spelling.
      const spellings = [name, name.toUpperCase(), name.toLowerCase()]
      for (const spelling of spellings) {
        const isGiven = spelling !== name && this.#given[spelling] != null
        if (!values.has(spelling) && !isGiven) values.set(spelling, value)
      }
    }
    return { counted, all: this.#entries(values, config) }
  }

  /** Whether the stage declares it. */
  has(name: string): boolean {
    return this.#args.has(name)
  }

  #entries(values: ReadonlyMap<string, string>, config: ImageConfig): string[] {
    const free = [...values].filter(([name]) => envOf(config, name) === undefined)
    return free.map(([name, value]) => `${name}=${value}`).sort()
  }
}

const envOf = ({ env }: ImageConfig, name: string): string | undefined =>
  env.findLast(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1)
