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

export interface Timing {
  readonly steps: number
  readonly total_ns: number
  readonly acts: readonly Share[]
  /** The most expensive first. */
  readonly calls: readonly Share[]
  readonly slowest: readonly SlowStep[]
}

interface Share {
  readonly name: string
  readonly calls: number
  readonly ns: number
}

interface SlowStep {
  readonly step: number
  readonly call: string
  readonly arguments: string
  readonly ns: number
}

/** undefined when nothing was timed: the container has not run. */
export function timingOf(program: readonly TimedStep[]): Timing | undefined {
  const timed = program.flatMap(({ duration_ns: ns, ...step }) => (ns === null ? [] : [{ ...step, ns }]))
  if (timed.length === 0) return undefined
  const slowest = [...timed].sort((a, b) => b.ns - a.ns).slice(0, SLOWEST_SHOWN)
  return {
    steps: timed.length,
    total_ns: timed.reduce((total, { ns }) => total + ns, 0),
    acts: shares(timed.map(({ act, ns }) => [act, ns])),
    calls: shares(timed.map(({ call, ns }) => [call, ns])).sort((a, b) => b.ns - a.ns),
    slowest: slowest.map(({ step, call, arguments: values, ns }) => ({
      step,
      call,
      arguments: values.map(({ value }) => value).join(', '),
      ns,
    })),
  }
}

function shares(steps: readonly (readonly [name: string, ns: number])[]): Share[] {
  const found = new Map<string, Share>()
  for (const [name, ns] of steps) {
    const share = found.get(name) ?? { name, calls: 0, ns: 0 }
    found.set(name, { name, calls: share.calls + 1, ns: share.ns + ns })
  }
  return [...found.values()]
}

/** The same for people. */
export function timingReport({ steps, total_ns: total, acts, calls, slowest }: Timing): string {
  const lines = slowest.map(
    step => `${step.step}\t${microseconds(step.ns)}\t${step.call}(${shorten(step.arguments)})\n`,
  )
  const tables = [
    table('ACT', acts, total),
    table('CALL', calls, total),
    align(`STEP\tTIME\tSLOWEST\n${lines.join('')}`),
  ]
  return `${steps} system calls in ${microseconds(total)}\n\n${tables.join('\n')}`
}

const table = (heading: string, rows: readonly Share[], total: number): string =>
  align(
    [
      `${heading}\tCALLS\tTIME\tSHARE\n`,
      ...rows.map(
        ({ name, calls, ns }) => `${name}\t${calls}\t${microseconds(ns)}\t${Math.round((ns / total) * 100)}%\n`,
      ),
    ].join(''),
  )

const microseconds = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`

const shorten = (text: string): string =>
  text.length > ARGUMENTS_LENGTH ? `${text.slice(0, ARGUMENTS_LENGTH - 1)}…` : text
