/**
 * From a program to the bytes that native/shim/interpreter.c executes; the format is described at PROGRAM in abi.ts.
 *
 * Blobs and strings are laid out once each (by identity and by content) in the order in which steps first mention them.
 */

import { constants } from 'node:os'
import { InvalidParameter } from '../kernel/errors.ts'
import { syscallNumber } from '../kernel/syscall-numbers.ts'
import { OPERAND, POINTER_FIELD, PROGRAM, PROGRAM_HEADER, PROGRAM_STEP, SLOT_FIELD } from './abi.ts'
import type { Blob, Operand, Program, Slot, Step } from './step.ts'

/** Blobs hold kernel structures with 64-bit members. */
const ALIGNMENT = 8

/** The data of a program, or of a part of it, while it grows. */
class DataSegment {
  readonly pointerFields: { at: number; target: number }[] = []
  readonly #pieces: { at: number; bytes: Uint8Array }[] = []
  readonly #strings = new Map<string, number>()
  readonly #blobs = new Map<Blob, number>()
  #end: number

  /** `start`: how much other data comes before it. */
  constructor(readonly start: number) {
    this.#end = start
  }

  /** Where the string begins. */
  string(text: string): number {
    const known = this.#strings.get(text)
    if (known !== undefined) return known
    if (text.includes('\0')) throw new InvalidParameter(`a NUL byte in ${JSON.stringify(text)}`)
    const at = this.#place(Buffer.from(`${text}\0`), 1)
    this.#strings.set(text, at)
    return at
  }

  /** Where the blob begins; its pointers' targets are laid out too. */
  blob(blob: Blob): number {
    const known = this.#blobs.get(blob)
    if (known !== undefined) return known
    const at = this.#place(blob.bytes, ALIGNMENT)
    this.#blobs.set(blob, at)
    for (const { offset, value } of blob.fields ?? []) {
      if (typeof value !== 'string' && value.kind === 'slot') {
        if (offset + 4 > blob.bytes.length) throw new RangeError(`a slot field lies outside of ${blob.shown}`)
      } else {
        if (offset + 8 > blob.bytes.length) throw new RangeError(`a pointer field lies outside of ${blob.shown}`)
        this.pointerFields.push({
          at: at + offset,
          target: typeof value === 'string' ? this.string(value) : this.blob(value),
        })
      }
    }
    return at
  }

  /** With the zero byte that ends the data, and zeros where nothing was placed. */
  bytes(): Buffer {
    const data = Buffer.alloc(align(this.#end + 1) - this.start)
    for (const { at, bytes } of this.#pieces) data.set(bytes, at - this.start)
    return data
  }

  #place(bytes: Uint8Array, alignment: number): number {
    const at = alignment === 1 ? this.#end : align(this.#end)
    this.#pieces.push({ at, bytes })
    this.#end = at + bytes.length
    return at
  }
}

const align = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT

/** The encoding of steps that follow one another. */
export interface EncodedPart {
  readonly steps: Buffer
  readonly slotFields: Buffer
  readonly pointerFields: Buffer
  readonly data: Buffer
}

const EMPTY_PART: EncodedPart = {
  steps: Buffer.alloc(0),
  slotFields: Buffer.alloc(0),
  pointerFields: Buffer.alloc(0),
  data: Buffer.alloc(0),
}

/** `after`: what comes before them in the program. Throws as encodeProgram does. */
export function encodePart({ steps, slotCount }: Program, after: EncodedPart = EMPTY_PART): EncodedPart {
  const data = new DataSegment(after.data.length)
  const fieldsBefore = after.slotFields.length / SLOT_FIELD.bytes
  const slotFields: { at: number; slot: number }[] = []
  const encodedSteps = Buffer.alloc(steps.length * PROGRAM_STEP.bytes)
  for (const [index, step] of steps.entries()) {
    encodeStep(step, { into: encodedSteps, at: index * PROGRAM_STEP.bytes, data, slotFields, fieldsBefore, slotCount })
  }
  return {
    steps: encodedSteps,
    slotFields: table(SLOT_FIELD, slotFields),
    pointerFields: table(POINTER_FIELD, data.pointerFields),
    data: data.bytes(),
  }
}

/** A whole program of its parts, in their order. Throws InvalidParameter for what does not fit the format. */
export function joinParts(parts: readonly EncodedPart[], slotCount: number): Buffer {
  const all = (table: keyof EncodedPart): Buffer[] => parts.map(part => part[table])
  const bytesOf = (table: keyof EncodedPart): number => parts.reduce((sum, part) => sum + part[table].length, 0)
  const counts = {
    steps: bytesOf('steps') / PROGRAM_STEP.bytes,
    slotFields: bytesOf('slotFields') / SLOT_FIELD.bytes,
    pointerFields: bytesOf('pointerFields') / POINTER_FIELD.bytes,
  }
  limit('steps', counts.steps, PROGRAM.MAX_STEPS)
  limit('slots', slotCount, PROGRAM.MAX_SLOTS)
  limit('fields', Math.max(counts.slotFields, counts.pointerFields), PROGRAM.MAX_FIELDS)
  const header = Buffer.alloc(PROGRAM_HEADER.bytes)
  PROGRAM_HEADER.write(header, 0, {
    magic: PROGRAM.MAGIC,
    version: PROGRAM.VERSION,
    steps: counts.steps,
    slots: slotCount,
    slot_fields: counts.slotFields,
    pointer_fields: counts.pointerFields,
    data_bytes: bytesOf('data'),
    reserved: 0,
  })
  const encoded = Buffer.concat([
    header,
    ...all('steps'),
    ...all('slotFields'),
    ...all('pointerFields'),
    ...all('data'),
  ])
  limit('bytes', encoded.length, PROGRAM.MAX_BYTES)
  return encoded
}

/** A program whose bytes are known; its steps are written down when somebody asks for them. */
export class EncodedProgram implements Program {
  #written: readonly Step[] | undefined

  constructor(
    readonly bytes: Buffer,
    readonly slotCount: number,
    private readonly write: () => Program,
  ) {}

  get steps(): readonly Step[] {
    this.#written ??= this.write().steps
    return this.#written
  }
}

/** Throws InvalidParameter for what does not fit the format, RangeError for a program that is itself wrong. */
export function encodeProgram(program: Program): Buffer {
  if (program instanceof EncodedProgram) return program.bytes
  limit('steps', program.steps.length, PROGRAM.MAX_STEPS)
  return joinParts([encodePart(program)], program.slotCount)
}

interface StepTarget {
  into: Buffer
  at: number
  data: DataSegment
  slotFields: { at: number; slot: number }[]
  /** Of the parts before this one. */
  fieldsBefore: number
  slotCount: number
}

function encodeStep(step: Step, { into, at, data, slotFields, fieldsBefore, slotCount }: StepTarget): void {
  limit(`arguments of ${step.call}`, step.args.length, PROGRAM.MAX_ARGUMENTS)
  const tolerated = (step.tolerate ?? []).map(name => errnoOf(name))
  limit(`tolerated errors of ${step.call}`, tolerated.length, PROGRAM.MAX_TOLERATED)
  const slotIndex = (slot: Slot): number => {
    if (slot.index < 0 || slot.index >= slotCount)
      throw new RangeError(`slot ${slot.name} of ${step.call} does not exist`)
    return slot.index
  }

  const firstSlotField = slotFields.length
  const operands = step.args.map(arg => {
    for (const blob of blobsBehind(arg)) {
      const place = data.blob(blob)
      for (const { offset, value } of blob.fields ?? []) {
        if (typeof value !== 'string' && value.kind === 'slot') {
          slotFields.push({ at: place + offset, slot: slotIndex(value) })
        }
      }
    }
    return encodeOperand(arg, data, slotIndex)
  })
  PROGRAM_STEP.write(into, at, {
    number: syscallNumber(step.call),
    result_slot: step.result ? slotIndex(step.result) : PROGRAM.NO_SLOT,
    kinds: operands.map(operand => operand.kind),
    tolerated,
    first_slot_field: fieldsBefore + firstSlotField,
    slot_fields: slotFields.length - firstSlotField,
    reserved: 0,
    args: operands.map(operand => operand.word),
  })
}

function encodeOperand(
  arg: Operand,
  data: DataSegment,
  slotIndex: (slot: Slot) => number,
): { kind: number; word: bigint } {
  if (arg === null) return { kind: OPERAND.IMMEDIATE, word: 0n }
  if (typeof arg === 'number' || typeof arg === 'bigint') return { kind: OPERAND.IMMEDIATE, word: BigInt(arg) }
  if (typeof arg === 'string') return { kind: OPERAND.DATA, word: BigInt(data.string(arg)) }
  switch (arg.kind) {
    case 'flags':
      return { kind: OPERAND.IMMEDIATE, word: BigInt(arg.value) }
    case 'slot':
      return { kind: OPERAND.SLOT, word: BigInt(slotIndex(arg)) }
    case 'blob':
      return { kind: OPERAND.DATA, word: BigInt(data.blob(arg)) }
  }
}

/** A blob operand and all that it points to: their slot fields belong to the step. */
function blobsBehind(arg: Operand): Set<Blob> {
  const found = new Set<Blob>()
  const visit = (blob: Blob): void => {
    if (found.has(blob)) return
    found.add(blob)
    for (const { value } of blob.fields ?? []) if (typeof value !== 'string' && value.kind === 'blob') visit(value)
  }
  if (typeof arg === 'object' && arg?.kind === 'blob') visit(arg)
  return found
}

function table<T extends { at: number }>(
  layout: { bytes: number; write(into: Buffer, at: number, value: T): void },
  entries: readonly T[],
): Buffer {
  const bytes = Buffer.alloc(entries.length * layout.bytes)
  for (const [index, entry] of entries.entries()) layout.write(bytes, index * layout.bytes, entry)
  return bytes
}

function errnoOf(name: string): number {
  const errno = (constants.errno as Record<string, number>)[name]
  if (errno === undefined) throw new RangeError(`${name} is not an error`)
  return errno
}

function limit(what: string, count: number, max: number): void {
  if (count > max) throw new InvalidParameter(`${count} ${what} are more than the ${max} that a program can have`)
}
