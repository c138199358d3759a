/** Times commands by stopwatch.c: what starting them from this process would add is nobody's cost. */

import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('stopwatch.c', import.meta.url))
const BUILT = fileURLToPath(new URL('../../build/stopwatch', import.meta.url))

let isBuilt = false

function build(): void {
  if (!isBuilt) execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', BUILT, SOURCE])
  isBuilt = true
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
  build()
  const { status, output, error } = spawnSync(BUILT, [String(times), String(clients), ...command], {
    stdio: ['ignore', times === 1 ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
    ...(cwd && { cwd }),
    ...(env && { env }),
  })
  const [, stdout, stderr, ms] = output ?? []
  if (status !== 0) throw error ?? new Error(`${command.join(' ')}: ${status}\n${stderr}`)
  return { ms: Number(ms), lines: (stdout ?? '').split('\n').filter(Boolean) }
}
