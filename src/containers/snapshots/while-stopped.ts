/** What can only be done to a container that does not run: done between its stop and its start, where it runs. */

import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { launch } from '../lifecycle/start.ts'
import { stopContainer } from '../lifecycle/stop.ts'
import type { LiveContainer } from '../live.ts'
import type { Ending } from './types.ts'

/** `work` runs in the container's queue. One that ran is started again whatever came of it. @throws Conflict, and what work throws */
export async function whileStopped<T>(
  context: Context,
  container: LiveContainer,
  ending: Ending,
  work: () => Promise<T>,
): Promise<T> {
  const ran = container.state.running
  // As with a restart: --rm does not remove it now.
  container.restartRequested = true
  // Clients that know by which ports it is reached need not ask again.
  container.portsBefore = container.state.network.ports
  try {
    if (ran) await stopContainer(context, container, ending)
    return await container.queue.run(async () => {
      refuseGone(container)
      if (container.state.running) throw new Conflict(`container ${container.config.name} was started meanwhile`)
      return ran ? await thenStarted(context, container, work) : await work()
    })
  } finally {
    container.restartRequested = false
    container.portsBefore = {}
  }
}

async function thenStarted<T>(context: Context, container: LiveContainer, work: () => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    // It ran before, and what was asked for has not come about: what its user must hear of is why.
    await launch(context, container).catch(failure =>
      context.rooms.log.error({ container: container.id, err: failure }, 'a container could not be started again'),
    )
    throw error
  }
  await launch(context, container)
  return result
}

/** @throws Conflict */
export function refuseGone({ id, state, removing }: LiveContainer): void {
  if (removing || state.dead) throw new Conflict(`container ${id} is marked for removal`)
}
