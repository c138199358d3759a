/**
 * Programs that are the same but for their container's id, descriptors and command are compiled and encoded once. A start then
 * copies the bytes, writes the id into its places, and encodes the last act anew.
 *
 * Everything that compiling depends on is in the key, so nothing stale can be used: the specification (without what is replaced)
 * and what was found out about the host for this very start.
 */

import { type EncodedPart, EncodedProgram, encodePart, encodeProgram, joinParts } from '../program/encoding.ts'
import type { Program, Step } from '../program/step.ts'
import type { Compiled } from './compile/container.ts'
import type { HostFacts, Streams } from './compile/context.ts'
import type { ProcessSpec, SeccompFilter } from './spec.ts'

/** What programs are compiled from. */
interface Specification {
  process: ProcessSpec
  seccomp: SeccompFilter | null
}

/** A kind of program: how its specification names what differs from start to start. */
export interface Kind<S extends Specification> {
  compile(spec: S, streams: Streams, facts: HostFacts): Compiled
  /** The last act: all that depends on the command and its environment. */
  execute(spec: S): readonly Step[]
  id(spec: S): string
  /** All descriptors that compiling may pass on, and the rest of the specification as JSON can tell it. */
  taken(spec: S): { fds: readonly number[]; rest: object }
}

interface Template {
  cloneFlags: number
  slotCount: number
  before: Buffer | null
  /** All acts but the last. */
  body: EncodedPart
  /** Where the id, and its first digits by themselves (the usual hostname), stand in the body's data. */
  places: readonly number[]
  shortPlaces: readonly number[]
  /** Which of the specification's descriptors the program is passed, in the order of their slots. */
  passed: readonly number[]
}

const SHORT_ID = 12
/** No other text is like it. */
const FULL_ID = /^[\da-f]{64}$/
/** Of each kind; more than one machine starts kinds of containers in turns. */
const MOST_TEMPLATES = 64

export class Templates<S extends Specification> {
  /** null: seen once. A program that never comes again is not worth a template. */
  readonly #known = new Map<string, Template | null>()

  constructor(private readonly kind: Kind<S>) {}

  /** As kind.compile(). @throws InvalidParameter */
  compile(spec: S, streams: Streams, facts: HostFacts): Compiled {
    if (!FULL_ID.test(this.kind.id(spec))) return this.kind.compile(spec, streams, facts)
    const key = this.#key(spec, streams, facts)
    const template = this.#known.get(key)
    if (template)
      return this.#fill(
        template,
        spec,
        once(() => this.kind.compile(spec, streams, facts)),
      )
    const compiled = this.kind.compile(spec, streams, facts)
    this.#remember(key, template === null ? this.#make(spec, streams, facts, compiled) : null)
    return compiled
  }

  #remember(key: string, template: Template | null): void {
    this.#known.delete(key)
    this.#known.set(key, template)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_TEMPLATES && oldest !== undefined) this.#known.delete(oldest)
  }

  #key(spec: S, streams: Streams, facts: HostFacts): string {
    const { process, seccomp } = spec
    const { fds, rest } = this.kind.taken(spec)
    const parts = [
      streams,
      facts.fingerprint,
      rest,
      { ...process, argv: null, env: null },
      seccomp && [numberOf(seccomp.instructions), seccomp.flags],
      // Two that are the same share a slot.
      fds.map(fd => fds.indexOf(fd)),
    ]
    // JSON has no infinity, which is a limit like others.
    const text = JSON.stringify(parts, (_, value) => (Object.is(value, Number.POSITIVE_INFINITY) ? 'infinity' : value))
    const id = this.kind.id(spec)
    return text.replaceAll(id, '<id>').replaceAll(id.slice(0, SHORT_ID), '<short id>')
  }

  #fill({ body, places, shortPlaces, ...template }: Template, spec: S, write: () => Compiled): Compiled {
    const { fds } = this.kind.taken(spec)
    const id = this.kind.id(spec)
    const data = Buffer.from(body.data)
    for (const at of places) data.write(id, at, 'latin1')
    for (const at of shortPlaces) data.write(id.slice(0, SHORT_ID), at, 'latin1')
    const own = { ...body, data }
    const { slotCount, cloneFlags, before, passed } = template
    const last = encodePart({ steps: this.kind.execute(spec), slotCount }, own)
    return {
      cloneFlags,
      before: before && new EncodedProgram(before, slotCount, () => write().before as Program),
      program: new EncodedProgram(joinParts([own, last], slotCount), slotCount, () => write().program),
      passedFds: passed.map(index => fds[index] as number),
    }
  }

  /** null: the program depends on the id in another way than by having it in its texts. */
  #make(spec: S, streams: Streams, facts: HostFacts, compiled: Compiled): Template | null {
    const { program, before, cloneFlags, passedFds } = compiled
    const id = this.kind.id(spec)
    const { fds } = this.kind.taken(spec)
    const body = encodePart(bodyOf(program))
    const places = findAll(body.data, id)
    const template: Template = {
      cloneFlags,
      slotCount: program.slotCount,
      before: before && encodeProgram(before),
      body,
      places,
      shortPlaces: findAll(body.data, id.slice(0, SHORT_ID)).filter(at => !places.includes(at)),
      passed: passedFds.map(fd => fds.indexOf(fd)),
    }
    return this.#isRight(template, spec, streams, facts) ? template : null
  }

  /** Tried on a container of another id. */
  #isRight(template: Template, spec: S, streams: Streams, facts: HostFacts): boolean {
    if (template.passed.includes(-1)) return false
    const id = this.kind.id(spec)
    const other = id.replace(/[\da-f]/g, digit => (15 - Number.parseInt(digit, 16)).toString(16))
    const replace = (from: string, to: string) => (text: string) =>
      text.replaceAll(from, to).replaceAll(from.slice(0, SHORT_ID), to.slice(0, SHORT_ID))
    const back = replace(other, id)
    const renamed = withTexts({ ...spec, seccomp: null }, replace(id, other))
    const sameFacts: HostFacts = { ...facts, kindOf: p => facts.kindOf(back(p)), isProc: p => facts.isProc(back(p)) }
    const { program } = this.kind.compile({ ...renamed, seccomp: spec.seccomp }, streams, sameFacts)
    const expected = joinParts([encodePart(bodyOf(program))], program.slotCount)
    const filled = Buffer.from(template.body.data)
    for (const at of template.places) filled.write(other, at, 'latin1')
    for (const at of template.shortPlaces) filled.write(other.slice(0, SHORT_ID), at, 'latin1')
    return joinParts([{ ...template.body, data: filled }], template.slotCount).equals(expected)
  }
}

/** The same with its texts, at every depth, replaced. */
function withTexts<T>(value: T, replace: (text: string) => string): T {
  if (typeof value === 'string') return replace(value) as T
  if (Array.isArray(value)) return value.map(item => withTexts(item, replace)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withTexts(item, replace)])) as T
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

const bodyOf = ({ steps, slotCount }: Program): Program => {
  const last = steps.findIndex(({ act }) => act === 'exec')
  return { steps: steps.slice(0, last), slotCount }
}

function findAll(data: Buffer, text: string): number[] {
  const places: number[] = []
  for (let at = data.indexOf(text); at >= 0; at = data.indexOf(text, at + 1)) places.push(at)
  return places
}

/** Filters are compiled once each: the same bytes are the same buffer. */
const numbers = new WeakMap<Buffer, number>()
let lastNumber = 0

function numberOf(bytes: Buffer): number {
  const known = numbers.get(bytes)
  if (known !== undefined) return known
  numbers.set(bytes, ++lastNumber)
  return lastNumber
}
