/** docker pause and unpause: the cgroup's freezer. Kernel: cgroup-v2.rst, "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst */

import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { stopHealth, watchHealth } from '../health/watch.ts'
import type { LiveContainer } from '../live.ts'

/** @throws Conflict if it does not run or is paused already */
export function pauseContainer(context: Context, container: LiveContainer): Promise<void> {
  return container.queue.run(async () => {
    const { id, state, process } = container
    if (state.paused) throw new Conflict(`Container ${id} is already paused`)
    if (state.restarting) throw new Conflict(`Container ${id} is restarting, wait until the container is running`)
    if (process === null) throw new Conflict(`Container ${id} is not running`)
    await process.cgroup.freeze()
    Object.assign(state, { paused: true, status: 'paused' })
    stopHealth(container)
    await context.save(container)
    context.emit(container, 'pause')
  })
}

/** @throws Conflict if it is not paused */
export function unpauseContainer(context: Context, container: LiveContainer): Promise<void> {
  return container.queue.run(async () => {
    if (!container.state.paused) throw new Conflict(`Container ${container.id} is not paused`)
    await thawNow(context, container)
  })
}

/** As part of something else: nothing happens if it is not paused by now. */
export const thaw = (context: Context, container: LiveContainer): Promise<void> =>
  container.queue.run(async () => {
    if (container.state.paused) await thawNow(context, container)
  })

async function thawNow(context: Context, container: LiveContainer): Promise<void> {
  await container.process?.cgroup.thaw()
  Object.assign(container.state, { paused: false, status: 'running' })
  if (container.process !== null) watchHealth(context, container, { resume: true })
  await context.save(container)
  context.emit(container, 'unpause')
}
