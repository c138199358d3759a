/** Signals to a container's first process. */

import { Conflict, NotFound } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { SIGKILL, SIGTERM, signalNumber } from '../signals.ts'
import { thaw } from './pause.ts'
import { cancelRestart } from './start.ts'

/** docker kill. @throws NotFound, Conflict if it does not run, InvalidParameter for an unknown signal */
export async function killContainer(context: Context, ref: string, signalText: string): Promise<void> {
  const signal = signalText === '' ? SIGKILL : signalNumber(signalText)
  const container = findToKill(context, ref)
  if (signal === SIGKILL || signal === stopSignalOf(container)) {
    // These end it for good; other signals leave the restart policy alone.
    container.stopRequested = true
    container.state.stoppedByUser = true
    if (container.state.restarting) return endRestarting(context, container)
  }
  if (container.process === null) {
    throw new Conflict(`Cannot kill container: ${ref}: Container ${container.id} is not running`)
  }
  await send(context, container, signal)
  // Frozen processes do not even notice SIGKILL on cgroup v1.
  if (container.stopRequested && container.state.paused) await thaw(context, container)
}

function findToKill(context: Context, ref: string): LiveContainer {
  try {
    return context.find(ref)
  } catch (error) {
    if (error instanceof NotFound) throw new NotFound(`Cannot kill container: ${ref}: ${error.message}`)
    throw error
  }
}

export const stopSignalOf = ({ config }: LiveContainer): number =>
  config.config.stopSignal === '' ? SIGTERM : signalNumber(config.config.stopSignal)

export async function send(context: Context, container: LiveContainer, signal: number): Promise<void> {
  if (container.process === null) return
  container.process.handle.signal(signal)
  context.emit(container, 'kill', { signal: String(signal) })
}

/** How long a process may take to die of SIGKILL before everything in its cgroup is killed, too. */
const PATIENCE_MS = 2_000

/** Resolves when the container has ended and its end is recorded. */
export async function killAndWait(context: Context, container: LiveContainer): Promise<void> {
  const { process } = container
  if (process === null) return
  const end = container.endings.nextEnd
  await send(context, container, SIGKILL)
  if (container.state.paused) await thaw(context, container)
  const all = setTimeout(() => void process.cgroup.kill(), PATIENCE_MS)
  await end
  clearTimeout(all)
}

/** It waits for its restart: there is no process to be signalled, only the plan to be dropped. */
export async function endRestarting(context: Context, container: LiveContainer): Promise<void> {
  await container.queue.run(async () => {
    if (!container.state.restarting) return
    cancelRestart(container)
    Object.assign(container.state, { running: false, restarting: false, status: 'exited' })
    await context.save(container)
  })
}
