/** Programs from templates are, byte for byte, those that compiling makes. */

import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { EncodedProgram, encodePart, encodeProgram, joinParts } from '../../../src/program/encoding.ts'
import { listProgram } from '../../../src/program/listing.ts'
import type { Compiled } from '../../../src/runtime/compile/container.ts'
import type { HostFacts } from '../../../src/runtime/compile/context.ts'
import { CONTAINERS, EXECS } from '../../../src/runtime/kinds.ts'
import type { ProcessSpec, SeccompFilter } from '../../../src/runtime/spec.ts'
import { type Kind, Templates } from '../../../src/runtime/template.ts'
import * as golden from '../../golden/specs.ts'

const STREAMS = { stdin: 'open' } as const

/** The golden specifications call their container `box`. */
function named<T>(value: T, id: string): T {
  if (typeof value === 'string') return value.replaceAll('box', id) as T
  if (Array.isArray(value)) return value.map(item => named(item, id)) as T
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, named(item, id)])) as T
}

const withCommand = <S extends { process: ProcessSpec }>(spec: S, argv: string[]): S => ({
  ...spec,
  process: { ...spec.process, argv, env: [...spec.process.env, `LAST=${argv.at(-1)}`] },
})

/** The last act's data after all other data, as in a program from a template. */
function expected({ program: { steps, slotCount } }: Compiled): Buffer {
  const last = steps.findIndex(({ act }) => act === 'exec')
  const body = encodePart({ steps: steps.slice(0, last), slotCount })
  return joinParts([body, encodePart({ steps: steps.slice(last), slotCount }, body)], slotCount)
}

function check<S extends { process: ProcessSpec; seccomp: SeccompFilter | null }>(
  kind: Kind<S>,
  templates: Templates<S>,
  spec: S,
  facts: HostFacts,
): Compiled {
  const made = templates.compile(spec, STREAMS, facts)
  const compiled = kind.compile(spec, STREAMS, facts)
  expect(made.cloneFlags).toBe(compiled.cloneFlags)
  expect(made.passedFds).toEqual(compiled.passedFds)
  expect(made.before && encodeProgram(made.before)).toEqual(compiled.before && encodeProgram(compiled.before))
  if (made.program instanceof EncodedProgram) {
    expect(encodeProgram(made.program).equals(expected(compiled))).toBe(true)
    expect(listProgram(made.program)).toBe(listProgram(compiled.program))
  }
  return made
}

const kinds = [
  ['containers', CONTAINERS as Kind<never>, golden.CONTAINERS],
  ['further processes', EXECS as Kind<never>, golden.EXECS],
] as const

test.each(kinds)('%s of all sorts, in turns, with other ids and commands each time', (_, kind, specs) => {
  const templates = new Templates(kind)
  const fromTemplate = new Set<string>()
  for (const round of [1, 2, 3, 4]) {
    for (const [name, spec] of Object.entries(specs)) {
      const own = named(spec, randomBytes(32).toString('hex'))
      const made = check(kind, templates, withCommand(own, ['sh', '-c', `${name} ${round}`]) as never, golden.FACTS)
      if (made.program instanceof EncodedProgram) fromTemplate.add(name)
    }
  }
  expect([...fromTemplate].sort()).toEqual(Object.keys(specs).sort())
})

const ID = '0123456789abcdef'.repeat(4)
const PLAIN = named(golden.CONTAINERS.default!, ID)

/** Two starts, from which a template is made, and a third. */
function third(templates: Templates<typeof PLAIN>, spec: typeof PLAIN, facts: HostFacts = golden.FACTS): Compiled {
  check(CONTAINERS, templates, PLAIN, golden.FACTS)
  check(CONTAINERS, templates, PLAIN, golden.FACTS)
  return check(CONTAINERS, templates, spec, facts)
}

test('another id, other descriptors and another command come from the template', () => {
  const spec = { ...named(golden.CONTAINERS.default!, 'f'.repeat(64)), hostname: 'f'.repeat(12) }
  const namespaces = { ...spec.namespaces, network: { kind: 'fd', fd: 77, of: 'another' } as const }
  const templates = new Templates(CONTAINERS)
  const first = { ...PLAIN, hostname: ID.slice(0, 12) }
  for (let i = 0; i < 2; i++) check(CONTAINERS, templates, first, golden.FACTS)
  const made = check(CONTAINERS, templates, withCommand({ ...spec, namespaces }, ['true']), golden.FACTS)
  expect(made.program).toBeInstanceOf(EncodedProgram)
  expect(made.passedFds).toContain(77)
})

const changes: Record<string, Partial<typeof PLAIN>> = {
  hostname: { hostname: 'other' },
  sysctls: { sysctls: { 'net.ipv4.ip_forward': '1' } },
  masks: { maskedPaths: ['/proc/kcore'] },
  'a read-only root': { rootReadonly: true },
  user: { process: { ...PLAIN.process, uid: 1000 } },
  limits: { process: { ...PLAIN.process, rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0, required: true }] } },
  filter: { seccomp: { instructions: Buffer.alloc(24), flags: [], name: 'default' } },
  'no filter': { seccomp: null },
  'a shared PID namespace': { namespaces: { ...PLAIN.namespaces, pid: { kind: 'fd', fd: 5, of: 'x' } } },
}

test.each(Object.keys(changes))('another %s is another program', name => {
  const made = third(new Templates(CONTAINERS), { ...PLAIN, ...changes[name] })
  expect(made.program).not.toBeInstanceOf(EncodedProgram)
})

test('so is what was found out about the host', () => {
  const facts: HostFacts = { ...golden.FACTS, fingerprint: 'another', kindOf: () => 'missing' }
  expect(third(new Templates(CONTAINERS), PLAIN, facts).program).not.toBeInstanceOf(EncodedProgram)
})

test('a command that cannot be is refused as ever', () => {
  expect(() => third(new Templates(CONTAINERS), withCommand(PLAIN, ['']))).toThrow('no command specified')
  expect(() => third(new Templates(CONTAINERS), withCommand(PLAIN, ['a\0b']))).toThrow('a NUL byte')
})
