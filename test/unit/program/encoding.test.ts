import { describe, expect, it } from 'vitest'
import { OPERAND, POINTER_FIELD, PROGRAM, PROGRAM_HEADER, PROGRAM_STEP, SLOT_FIELD } from '../../../src/program/abi.ts'
import { encodeProgram } from '../../../src/program/encoding.ts'
import type { Blob, Program, Slot, Step } from '../../../src/program/step.ts'

const slot = (index: number): Slot => ({ kind: 'slot', index, name: `s${index}` })
const blob = (bytes: Uint8Array, fields: Blob['fields'] = []): Blob => ({ kind: 'blob', bytes, fields, shown: 'blob' })
const step = (call: Step['call'], args: Step['args'], more: Partial<Step> = {}): Step => ({
  call,
  args,
  why: '',
  man: '',
  ...more,
})
const program = (...steps: Step[]): Program => ({ steps, slotCount: 8 })

function decode(encoded: Buffer) {
  const header = PROGRAM_HEADER.read(encoded, 0)
  let at = PROGRAM_HEADER.bytes
  const table = <T>(count: number, layout: { bytes: number; read(from: Buffer, at: number): T }): T[] => {
    const entries = Array.from({ length: count }, (_, i) => layout.read(encoded, at + i * layout.bytes))
    at += count * layout.bytes
    return entries
  }
  return {
    header,
    steps: table(header.steps, PROGRAM_STEP),
    slotFields: table(header.slot_fields, SLOT_FIELD),
    pointerFields: table(header.pointer_fields, POINTER_FIELD),
    data: encoded.subarray(at),
  }
}

describe('an encoded program', () => {
  it('says of each operand what it is', () => {
    const { header, steps, data } = decode(
      encodeProgram(
        program(
          step('openat', [slot(3), 'etc', { kind: 'flags', value: 0o200000, shown: 'O_DIRECTORY' }, null], {
            result: slot(4),
          }),
          step('close', [-1], { tolerate: ['EBADF', 'EINTR'] }),
        ),
      ),
    )
    expect(header).toMatchObject({ magic: PROGRAM.MAGIC, version: PROGRAM.VERSION, steps: 2, slots: 8, slot_fields: 0 })
    expect(steps[0]).toMatchObject({
      result_slot: 4,
      kinds: [OPERAND.SLOT, OPERAND.DATA, OPERAND.IMMEDIATE, OPERAND.IMMEDIATE, 0, 0],
      tolerated: [0, 0, 0, 0],
    })
    expect(steps[0]!.args.slice(0, 4)).toEqual([3n, 0n, 0o200000n, 0n])
    expect(steps[1]).toMatchObject({ result_slot: PROGRAM.NO_SLOT, tolerated: [9, 4, 0, 0] })
    expect(steps[1]!.args[0]).toBe(0xffff_ffff_ffff_ffffn)
    expect(data.subarray(0, 4).toString()).toBe('etc\0')
    expect(data.at(-1)).toBe(0)
  })

  it('lays each string and each blob out once', () => {
    const shared = blob(new Uint8Array([1, 2, 3]))
    const { steps, data } = decode(
      encodeProgram(
        program(
          step('chdir', ['/usr']),
          step('chdir', ['/usr']),
          step('write', [1, shared, 3]),
          step('write', [2, shared, 3]),
        ),
      ),
    )
    expect(steps[0]!.args[0]).toBe(steps[1]!.args[0])
    expect(steps[2]!.args[1]).toBe(steps[3]!.args[1])
    expect(Number(steps[2]!.args[1]) % 8).toBe(0)
    expect(data.length).toBe(16)
  })

  it('points from blob to blob, also to itself', () => {
    const inner = blob(new Uint8Array(8), [{ offset: 0, value: 'leaf' }])
    const outer = blob(new Uint8Array(16), [
      { offset: 0, value: inner },
      { offset: 8, value: inner },
    ])
    const { pointerFields } = decode(encodeProgram(program(step('execve', ['/bin/true', outer, null]))))
    expect(pointerFields).toHaveLength(3)
    expect(new Set(pointerFields.map(field => field.at)).size).toBe(3)
    const cyclic = blob(new Uint8Array(8)) as { -readonly [K in keyof Blob]: Blob[K] }
    cyclic.fields = [{ offset: 0, value: cyclic }]
    expect(decode(encodeProgram(program(step('write', [1, cyclic, 8])))).pointerFields).toEqual([{ at: 0, target: 0 }])
  })

  it('fills slot fields for each step that uses the blob, at any depth', () => {
    const inner = blob(new Uint8Array(4), [{ offset: 0, value: slot(5) }])
    const outer = blob(new Uint8Array(8), [{ offset: 0, value: inner }])
    const { steps, slotFields } = decode(
      encodeProgram(program(step('write', [1, inner, 4]), step('getpid', []), step('sendmsg', [1, outer, 0]))),
    )
    expect(steps.map(({ first_slot_field, slot_fields }) => [first_slot_field, slot_fields])).toEqual([
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    expect(slotFields).toEqual([
      { at: 0, slot: 5 },
      { at: 0, slot: 5 },
    ])
  })

  it('refuses what does not fit', () => {
    const many = (count: number) => Array.from({ length: count }, () => step('getpid', []))
    expect(() => encodeProgram(program(...many(PROGRAM.MAX_STEPS + 1)))).toThrow('4097 steps are more than the 4096')
    expect(() => encodeProgram({ steps: [], slotCount: PROGRAM.MAX_SLOTS + 1 })).toThrow('513 slots')
    expect(() => encodeProgram(program(step('close', [slot(8)])))).toThrow('slot s8 of close does not exist')
    expect(() => encodeProgram(program(step('getpid', [], { result: slot(9) })))).toThrow('slot s9')
    expect(() => encodeProgram(program(step('mount', [1, 2, 3, 4, 5, 6, 7])))).toThrow('7 arguments of mount')
    expect(() => encodeProgram(program(step('close', [1], { tolerate: ['ENOSUCH'] })))).toThrow(
      'ENOSUCH is not an error',
    )
    expect(() =>
      encodeProgram(program(step('write', [1, blob(new Uint8Array(6), [{ offset: 0, value: 'x' }]), 6]))),
    ).toThrow('outside of blob')
    expect(() =>
      encodeProgram(program(step('write', [1, blob(new Uint8Array(6), [{ offset: 3, value: slot(1) }]), 6]))),
    ).toThrow('outside')
    expect(() => encodeProgram(program(step('chdir', ['a\0b'])))).toThrow('NUL byte')
  })
})
