/** From lists of steps to a program: allots the slots, and refuses what breaks the rules of order. */

import { PROGRAM, SLOT } from './abi.ts'
import { checkRules } from './rules.ts'
import type { Act, Program, Slot, Step } from './step.ts'

export const slot = (index: number, name: string): Slot => ({ kind: 'slot', index, name })

/** What the shim puts into slots of its own before the first step. */
export const STDIN = slot(SLOT.STDIN, 'stdin')
export const STDOUT = slot(SLOT.STDOUT, 'stdout')
export const STDERR = slot(SLOT.STDERR, 'stderr')
export const CONSOLE = slot(SLOT.CONSOLE, 'console_socket')

/** Hands out slots: first those of the descriptors that the daemon passes, in their order, then the program's own. */
export class Slots {
  readonly #byName = new Map<string, Slot>()
  readonly #passed: { fd: number; slot: Slot }[] = []
  #next: number = SLOT.FIRST_PASSED
  #sealed = false

  /** A slot that holds one of the daemon's descriptors. All of them are asked for before the first slot of the program's own. */
  passed(fd: number, name: string): Slot {
    const known = this.#passed.find(entry => entry.fd === fd)
    if (known) return known.slot
    if (this.#sealed) throw new Error(`the descriptor ${name} must be passed before slots are allotted`)
    const made = this.#allot(name)
    this.#passed.push({ fd, slot: made })
    return made
  }

  /** The slot of that name. Asking again gives the same one: what it held is overwritten, as by an assignment. */
  named(name: string): Slot {
    this.#sealed = true
    const known = this.#byName.get(name) ?? this.#allot(name)
    this.#byName.set(name, known)
    return known
  }

  get passedFds(): number[] {
    return this.#passed.map(entry => entry.fd)
  }

  get count(): number {
    return this.#next
  }

  #allot(name: string): Slot {
    if (this.#next >= PROGRAM.MAX_SLOTS) throw new Error(`a program has at most ${PROGRAM.MAX_SLOTS} slots`)
    return slot(this.#next++, name)
  }
}

/** Names the act that steps belong to. */
export const inAct = (act: Act, steps: readonly Step[]): Step[] => steps.map(step => ({ ...step, act }))

/** @throws Error if a rule of order is broken: a mistake in skiff, found before anything runs. */
export function buildProgram(steps: readonly Step[], slots: Slots): Program {
  if (steps.length > PROGRAM.MAX_STEPS) throw new Error(`a program has at most ${PROGRAM.MAX_STEPS} steps`)
  checkRules(steps, slots.passedFds.length)
  return { steps, slotCount: slots.count }
}
