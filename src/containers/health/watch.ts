/** Health checks of a running container: probes are execs in it. See the Dockerfile reference, HEALTHCHECK. */

import type { Context } from '../context.ts'
import { createExec } from '../exec/create.ts'
import { findExec, startExec } from '../exec/start.ts'
import type { LiveContainer } from '../live.ts'
import { HealthMonitor, type Probe, probeCommand } from './monitor.ts'
import { STARTING } from './verdict.ts'

/** Nothing happens if the container has no check. `resume`: go on from the state that is known. */
export function watchHealth(context: Context, container: LiveContainer, { resume }: { resume: boolean }): void {
  const { healthcheck, shell } = container.config.config
  const command = healthcheck === null ? null : probeCommand(healthcheck, shell)
  container.health?.stop()
  container.health = null
  if (healthcheck === null || command === null) {
    container.state.health = null
    return
  }
  const monitor = new HealthMonitor(healthcheck, command, probeIn(context, container), (state, changed) => {
    container.state.health = state
    if (changed) context.emit(container, `health_status: ${state.status}`)
    context.save(container).catch(error => {
      context.rooms.log.error({ container: container.id, err: error }, 'the health of a container was not recorded')
    })
  })
  if (resume && container.state.health !== null) monitor.state = container.state.health
  else container.state.health = STARTING
  container.health = monitor
}

export function stopHealth(container: LiveContainer): void {
  container.health?.stop()
  container.health = null
}

const SIGKILL = 9

const probeIn = (context: Context, container: LiveContainer): Probe => ({
  async run(argv, signal, maxOutputBytes) {
    const id = createExec(context, container.id, { ...PROBE, argv })
    // Not framed: both streams are one text here.
    const stream = await startExec(context, id, { detach: false, tty: true, consoleSize: null })
    const exec = findExec(context, id)
    const { handle } = exec
    const kill = (): void => handle?.signal(SIGKILL)
    signal.addEventListener('abort', kill, { once: true })
    if (signal.aborted) kill()
    try {
      const output = await firstBytes(stream, maxOutputBytes)
      const end = await handle?.exited
      return { exitCode: end?.exitCode ?? exec.exitCode ?? -1, output }
    } finally {
      signal.removeEventListener('abort', kill)
      container.execs.delete(id)
      context.execs.delete(id)
    }
  },
})

const PROBE = {
  env: [],
  workingDir: '',
  user: '',
  privileged: false,
  tty: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  detachKeys: '',
  consoleSize: null,
}

/** Reads to the end, and keeps the beginning. */
async function firstBytes(stream: AsyncIterable<unknown> | null, most: number): Promise<string> {
  const kept: Buffer[] = []
  let bytes = 0
  if (stream !== null) {
    for await (const chunk of stream) {
      const piece = (chunk as Buffer).subarray(0, most - bytes)
      bytes += piece.length
      if (piece.length > 0) kept.push(piece)
    }
  }
  return Buffer.concat(kept).toString()
}
