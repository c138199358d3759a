/** Where the time of a start went: by act, by system call, and the slowest single steps. */

import { align } from '../output/table.ts'

/** A step of the program, as GET /containers/{id}/explain?format=json has it; only what is used here. */
export interface TimedStep {
  readonly step: number
  readonly act: string
  readonly call: string
  readonly arguments: readonly { readonly name: string; readonly value: string }[]
  readonly duration_ns: number | null
}

const SLOWEST_SHOWN = 10
const ARGUMENTS_LENGTH = 60

/** undefined when nothing was timed: the container has not run. */
export function timingReport(program: readonly TimedStep[]): string | undefined {
  const timed = program.flatMap(({ duration_ns: ns, ...step }) => (ns === null ? [] : [{ ...step, ns }]))
  if (timed.length === 0) return undefined
  const total = sum(timed)
  const acts = table(
    'ACT',
    group(timed, step => step.act),
    total,
  )
  const calls = table(
    'CALL',
    group(timed, step => step.call).sort((a, b) => sum(b.steps) - sum(a.steps)),
    total,
  )
  const slowest = [...timed].sort((a, b) => b.ns - a.ns).slice(0, SLOWEST_SHOWN)
  const steps = slowest.map(step => `${step.step}\t${microseconds(step.ns)}\t${step.call}(${shorten(step)})\n`)
  return `${timed.length} system calls in ${microseconds(total)}\n\n${acts}\n${calls}\n${align(`STEP\tTIME\tSLOWEST\n${steps.join('')}`)}`
}

type Timed = Omit<TimedStep, 'duration_ns'> & { readonly ns: number }
interface Group {
  readonly name: string
  readonly steps: readonly Timed[]
}

const sum = (steps: readonly Timed[]): number => steps.reduce((total, { ns }) => total + ns, 0)

function group(steps: readonly Timed[], nameOf: (step: Timed) => string): Group[] {
  const groups = new Map<string, Timed[]>()
  for (const step of steps) groups.set(nameOf(step), [...(groups.get(nameOf(step)) ?? []), step])
  return [...groups].map(([name, members]) => ({ name, steps: members }))
}

function table(heading: string, groups: readonly Group[], total: number): string {
  const rows = groups.map(({ name, steps }) => {
    const ns = sum(steps)
    return `${name}\t${steps.length}\t${microseconds(ns)}\t${Math.round((ns / total) * 100)}%\n`
  })
  return align(`${heading}\tCALLS\tTIME\tSHARE\n${rows.join('')}`)
}

const microseconds = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`

function shorten(step: Timed): string {
  const text = step.arguments.map(({ value }) => value).join(', ')
  return text.length > ARGUMENTS_LENGTH ? `${text.slice(0, ARGUMENTS_LENGTH - 1)}…` : text
}
