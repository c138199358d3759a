/** The daemon goes: with live-restore its containers go on without it, otherwise they are stopped first. */

import { NotModified } from '../kernel/errors.ts'
import type { Context } from './context.ts'
import { stopContainer } from './lifecycle/stop.ts'
import type { LiveContainer } from './live.ts'

/** Lets go of every shim. Nothing that happens afterwards is recorded by this daemon: the next one finds it. */
export function releaseAll(context: Context): void {
  context.stopping = true
  for (const { process, execs, restartTimer, health } of context.containers.values()) {
    health?.stop()
    process?.handle.release()
    process?.oomWatch?.close()
    for (const { handle } of execs.values()) handle?.release()
    if (restartTimer !== null) clearTimeout(restartTimer)
  }
}

/** Each gets its own time to stop, but none more than the daemon's. They come back by their restart policy. */
export async function stopAll(context: Context): Promise<void> {
  context.stopping = true
  const running = [...context.containers.values()].filter(({ state }) => state.running)
  await Promise.all(running.map(container => stopOne(context, container)))
}

async function stopOne(context: Context, container: LiveContainer): Promise<void> {
  const { stoppedByUser } = container.state
  const own = container.config.config.stopTimeoutSeconds ?? context.defaults.shutdownTimeoutSeconds
  const most = context.defaults.shutdownTimeoutSeconds
  const timeoutSeconds = own < 0 ? most : Math.min(own, most)
  try {
    await stopContainer(context, container, { signal: '', timeoutSeconds })
  } catch (error) {
    if (!(error instanceof NotModified)) {
      context.rooms.log.error({ container: container.id, err: error }, 'a container could not be stopped')
    }
  }
  container.state.stoppedByUser = stoppedByUser
  await context.save(container)
}
