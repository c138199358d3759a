/** Clocks outside of this process (stopwatch.c, answer.c, requests.c): what Node adds as a client is nobody's cost. */

import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../support/engine.ts'

const built = new Map<string, string>()

/** The path of a clock, built when it is first asked for. */
function clock(name: 'stopwatch' | 'answer' | 'requests'): string {
  const known = built.get(name)
  if (known !== undefined) return known
  const program = fileURLToPath(new URL(`../../build/${name}`, import.meta.url))
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url))
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-pthread', '-o', program, source])
  built.set(name, program)
  return program
}

/** The milliseconds in which an engine answers GET. @param path of the API, without its version */
export function answered({ socket }: Engine, path: string): number {
  return Number(execFileSync(clock('answer'), [socket, `/v1.41${path}`], { encoding: 'utf8' }))
}

/** A request of a job, see requests.c: a path without its version; `%` in it is the Id that the job was given last. */
export interface Step {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  body?: object
  /** Sent on a connection of its own, and the job goes on: ANSWERED reads its answer. */
  aside?: boolean
}

/** Reads the answer of the step that was sent aside. */
export const ANSWERED = 'answered'

/** Returns the milliseconds from the first request to the last answer, and the Id that each job was given last. */
export function request({ socket }: Engine, jobs: readonly (readonly (Step | typeof ANSWERED)[])[], clients = 1) {
  const input = jobs.map(steps => `${steps.map(asWord).join('\t')}\n`).join('')
  const [ms, ...ids] = execFileSync(clock('requests'), [socket, String(clients)], {
    input,
    encoding: 'utf8',
    timeout: 120_000,
  }).split('\n')
  return { ms: Number(ms), ids: ids.filter(Boolean) }
}

function asWord(step: Step | typeof ANSWERED): string {
  if (step === ANSWERED) return '&'
  const { method, path, body, aside } = step
  return `${aside ? '&' : ''}${method} /v1.41${path} ${body ? JSON.stringify(body) : ''}`
}

export interface Timing {
  /** How often, and how many of them at once; one without. */
  times?: number
  clients?: number
  cwd?: string
  env?: NodeJS.ProcessEnv
}

/** Returns the milliseconds from the first start to the last end, and what they printed. Nothing else is done here meanwhile. */
export function time(command: readonly string[], { times = 1, clients = 1, cwd, env }: Timing = {}) {
  const { status, output, error } = spawnSync(clock('stopwatch'), [String(times), String(clients), ...command], {
    stdio: ['ignore', times === 1 ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
    ...(cwd && { cwd }),
    ...(env && { env }),
  })
  const [, stdout, stderr, ms] = output ?? []
  if (status !== 0) throw error ?? new Error(`${command.join(' ')}: ${status}\n${stderr}`)
  return { ms: Number(ms), lines: (stdout ?? '').split('\n').filter(Boolean) }
}
