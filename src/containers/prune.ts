/** docker container prune: every container that does not run. */

import { Conflict, InvalidParameter, NotFound } from '../kernel/errors.ts'
import { momentMs } from '../kernel/moment.ts'
import type { Context } from './context.ts'
import { removeContainer } from './lifecycle/remove.ts'
import type { LiveContainer } from './live.ts'
import { sizesOf } from './sizes.ts'
import type { ContainerId, Filters } from './types.ts'

/** Filters: until, label, label!. `reclaimed`: bytes of the containers' own layers. */
export async function pruneContainers(
  context: Context,
  filters: Filters,
): Promise<{ removed: ContainerId[]; reclaimed: number }> {
  const isMeant = predicateFor(filters)
  const result: { removed: ContainerId[]; reclaimed: number } = { removed: [], reclaimed: 0 }
  for (const container of [...context.containers.values()]) {
    if (container.state.running || container.removing || !isMeant(container)) continue
    try {
      const { writable } = await sizesOf(context, container)
      await removeContainer(context, container, { force: false, volumes: false })
      result.removed.push(container.id)
      result.reclaimed += writable
    } catch (error) {
      // Started or removed by somebody else meanwhile: it is no longer one of those that were meant.
      if (!(error instanceof Conflict || error instanceof NotFound)) throw error
    }
  }
  context.rooms.emit({
    type: 'container',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(result.reclaimed) },
  })
  return result
}

function predicateFor(filters: Filters): (container: LiveContainer) => boolean {
  const unknown = Object.keys(filters).find(key => !['until', 'label', 'label!'].includes(key))
  if (unknown !== undefined) throw new InvalidParameter(`invalid filter '${unknown}'`)
  const [until, ...more] = filters.until ?? []
  if (more.length > 0) throw new InvalidParameter('more than one until filter specified')
  const beforeMs = until === undefined ? Number.POSITIVE_INFINITY : momentMs(until)
  return ({ config }) =>
    Date.parse(config.created) <= beforeMs &&
    (filters.label ?? []).every(label => hasLabel(config.config.labels, label)) &&
    !(filters['label!'] ?? []).some(label => hasLabel(config.config.labels, label))
}

function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const [key = '', ...value] = wanted.split('=')
  return key in labels && (value.length === 0 || labels[key] === value.join('='))
}
